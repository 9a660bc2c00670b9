// What the host takes from host.json, and the settings that override it.
// https://learn.microsoft.com/azure/azure-functions/functions-host-json

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { logFilter, type LogFilter } from './log-filter.ts';
import { parseTimeSpan } from './time-span.ts';

export interface HostJson {
  readonly routePrefix: string;
  /** Infinity where there is none. */
  readonly functionTimeoutMs: number;
  readonly isLogged: LogFilter;
  /** Whether `telemetryMode` is OpenTelemetry. */
  readonly isTraced: boolean;
}

type Tree = { readonly [name: string]: Tree | string | number | boolean | null | undefined };

const defaultTimeoutMs = 30 * 60_000;
const overridePrefix = /^AzureFunctionsJobHost(?:__|:)/iu;

export async function readHostJson(
  appDirectory: string,
  settings: Readonly<Record<string, string>>,
): Promise<HostJson> {
  const tree = JSON.parse(await readFile(join(appDirectory, 'host.json'), 'utf8')) as Tree;
  const values = new Map(flatten(tree, ''));
  for (const [name, value] of Object.entries(settings)) {
    if (!overridePrefix.test(name)) continue;
    values.set(name.replace(overridePrefix, '').replaceAll('__', ':').toLowerCase(), value);
  }
  const levels = [...values].flatMap(([name, level]) => {
    const category = /^logging:loglevel:(?<category>.+)$/u.exec(name)?.groups?.['category'];
    return category === undefined ? [] : [[category, level] as const];
  });
  return {
    routePrefix: values.get('extensions:http:routeprefix') ?? 'api',
    functionTimeoutMs: timeoutOf(values.get('functiontimeout')),
    isLogged: logFilter(levels),
    isTraced: /^opentelemetry$/iu.test(values.get('telemetrymode') ?? ''),
  };
}

function timeoutOf(text: string | undefined): number {
  if (text === undefined) return defaultTimeoutMs;
  const milliseconds = parseTimeSpan(text);
  if (milliseconds === undefined) throw new Error(`host.json: functionTimeout "${text}" is no TimeSpan.`);
  // -1 is the documented way to say that there is none.
  return milliseconds < 0 ? Number.POSITIVE_INFINITY : milliseconds;
}

/** As .NET's configuration: one name for each value, its parts joined with colons, regardless of case. */
function flatten(tree: Tree, prefix: string): readonly (readonly [string, string])[] {
  return Object.entries(tree).flatMap(([name, value]) => {
    const path = `${prefix}${name}`.toLowerCase();
    if (value === null || value === undefined) return [];
    return typeof value === 'object' ? flatten(value, `${path}:`) : [[path, String(value)] as const];
  });
}
