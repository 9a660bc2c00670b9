// What `azd provision` would deploy, worked out by the Bicep CLI without a subscription, and what a parameter changes
// in it. Used by `npm run infra-changes` and the infrastructure tests. Writes to the system's temporary folder only.

import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findBicep, runBicep } from './bicep.ts';

const root = join(import.meta.dirname, '..');
const maxShownLength = 120;

export interface PredictedResource {
  readonly id: string;
  readonly type: string;
  readonly name: string;
  readonly [property: string]: unknown;
}

/** What only Azure knows, such as a host name, is left as an expression in brackets. */
export interface Prediction {
  readonly predictedResources: readonly PredictedResource[];
  readonly outputs: Readonly<Record<string, unknown>>;
}

/** @param parameters values for main.bicepparam, as `azd env set` would set them: `DEPLOY_NETWORK` and the like. */
export async function predict(
  bicepPath: string,
  parameters: Readonly<Record<string, string>> = {},
): Promise<Prediction> {
  const directory = await mkdtemp(join(tmpdir(), 'infra-changes-'));
  try {
    // The CLI writes its answer beside the parameter file.
    await cp(join(root, 'infra'), join(directory, 'infra'), { recursive: true });
    await cp(join(root, 'bicepconfig.json'), join(directory, 'bicepconfig.json'));
    const inherited = Object.entries(process.env).filter(([name]) => !/^(?:DEPLOY|AZURE)_/u.test(name));
    const environment = {
      ...Object.fromEntries(inherited),
      AZURE_ENV_NAME: 'demo',
      AZURE_LOCATION: 'westeurope',
      ...parameters,
    };
    const subscriptionId = '00000000-0000-0000-0000-000000000000';
    const file = join(directory, 'infra', 'main.bicepparam');
    const options = ['--subscription-id', subscriptionId, '--location', environment.AZURE_LOCATION];
    const run = await runBicep(bicepPath, ['snapshot', file, ...options], environment);
    if (run.exitCode !== 0) throw new Error(run.stderr.replaceAll(`${directory}/`, ''));
    const text = await readFile(join(directory, 'infra', 'main.snapshot.json'), 'utf8');
    return JSON.parse(text) as Prediction;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** One line for each resource that comes or goes and for each property that differs. */
export function differences(before: Prediction, after: Prediction): readonly string[] {
  const earlier = byKey(before);
  const later = byKey(after);
  const lines: string[] = [];
  for (const [key, resource] of earlier) {
    const successor = later.get(key);
    if (successor === undefined) lines.push(`- ${key}`);
    else lines.push(...propertyDifferences(resource, successor).map((line) => `~ ${key} ${line}`));
  }
  for (const key of later.keys()) if (!earlier.has(key)) lines.push(`+ ${key}`);
  return lines;
}

function byKey({ predictedResources }: Prediction): ReadonlyMap<string, PredictedResource> {
  return new Map(predictedResources.map((resource) => [`${resource.type} ${resource.name}`, resource]));
}

function propertyDifferences(before: unknown, after: unknown, path = ''): readonly string[] {
  if (JSON.stringify(before) === JSON.stringify(after)) return [];
  const [earlier, later] = [named(before), named(after)];
  if (isObject(earlier) && isObject(later)) {
    const names = new Set([...Object.keys(earlier), ...Object.keys(later)]);
    return [...names].flatMap((name) =>
      propertyDifferences(earlier[name], later[name], path === '' ? name : `${path}.${name}`),
    );
  }
  return [`${path}: ${shown(before)} -> ${shown(after)}`];
}

/** Lists of names and values, the app settings, are compared by name. */
function named(value: unknown): unknown {
  const isNamed = (item: unknown): item is { name: string; value: unknown } =>
    isObject(item) && typeof item['name'] === 'string' && 'value' in item;
  if (!Array.isArray(value) || !value.every(isNamed)) return value;
  return Object.fromEntries(value.map((item) => [item.name, item.value]));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function shown(value: unknown): string {
  if (value === undefined) return '(none)';
  const text = JSON.stringify(value);
  // The workbook is one property of 14 KB.
  return text.length <= maxShownLength
    ? text
    : `${text.slice(0, maxShownLength)} ... (${text.length} characters)`;
}

/** `NAME=value` arguments -> values for main.bicepparam, which reads the names that are in `parameterFile`. */
export function readArguments(args: readonly string[], parameterFile: string): Record<string, string> {
  const pairs = args.map((argument) => /^(\w+)=(.*)$/su.exec(argument));
  if (pairs.length === 0 || pairs.includes(null)) {
    throw new Error(
      'Usage: npm run infra-changes -- DEPLOY_NETWORK=private [NAME=value ...]; the names are in infra/main.bicepparam.',
    );
  }
  const parameters = Object.fromEntries(pairs.map((match) => [match?.[1] ?? '', match?.[2] ?? '']));
  const reads = [...parameterFile.matchAll(/readEnvironmentVariable\(\s*'(\w+)'/gu)];
  const known = [...new Set(reads.map((match) => match[1]))];
  const unknown = Object.keys(parameters).filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    throw new Error(`infra/main.bicepparam reads no ${unknown.join(', ')}; it reads ${known.join(', ')}.`);
  }
  return parameters;
}

if (import.meta.main) {
  try {
    const parameterFile = await readFile(join(root, 'infra', 'main.bicepparam'), 'utf8');
    const parameters = readArguments(process.argv.slice(2), parameterFile);
    const search = await findBicep();
    if (search.kind === 'missing') throw new Error(search.reason);
    const lines = differences(await predict(search.path), await predict(search.path, parameters));
    console.log(lines.length === 0 ? 'Nothing changes.' : lines.join('\n'));
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
