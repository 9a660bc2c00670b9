// The options of `npm start` and `npm run stack`. Used by the two commands.

import { parseArgs } from 'node:util';

export interface CommandOptions {
  readonly instances: number;
  readonly tokenLifetimeMs: number;
  /** Whether timers run on an instance of their own. */
  readonly flex: boolean;
  /** Whether Redis is a cluster. */
  readonly cluster: boolean;
  /** Whether callers come with tokens; nobody is asked for anything otherwise. */
  readonly entraCallers: boolean;
  /** Undefined: 7071, or a free one where that is taken. */
  readonly port: number | undefined;
  /** Base URL of a collector that takes OTLP over HTTP; undefined: log lines only. */
  readonly telemetry: string | undefined;
  readonly help: boolean;
}

export const usage = `Options:
  --instances N          how many processes run the app (1 to 16; 1)
  --flex                 timers run on one more instance that serves no HTTP, as on Flex Consumption
  --cluster              Redis is a cluster of 3 primaries and 3 replicas, as with the policy OSSCluster
  --callers entra        callers need tokens of the local Entra, which npm run -s token gives (function-key)
  --token-lifetime TIME  how long tokens live: 20s, 10m, 1h (at least 5s; 10m)
  --port N               port of the Functions host (7071, or a free one)
  --telemetry URL        traces and metrics by OTLP over HTTP, as to a collector at http://localhost:4318
  --help`;

/** What is being started, for both commands. */
export function partsTitle({ cluster }: CommandOptions): string {
  return `Starting Redis${cluster ? ' Cluster, Entra fronts' : ', Entra front'}, identity endpoint and storage`;
}

const unitsMs = { s: 1000, m: 60_000, h: 3_600_000 } as const;
const leastLifetimeMs = 5000;
const mostLifetimeMs = 24 * 3_600_000;

/** @throws Error whose message says what is wrong and what was expected. */
export function parseOptions(parameters: readonly string[]): CommandOptions {
  const values = readOptions(parameters);
  return {
    instances: wholeNumber('--instances', values.instances, 1, 16),
    tokenLifetimeMs: lifetime(values['token-lifetime']),
    port: values.port === undefined ? undefined : wholeNumber('--port', values.port, 1, 65_535),
    flex: values.flex,
    cluster: values.cluster,
    entraCallers: callersMode(values.callers) === 'entra',
    telemetry: values.telemetry === undefined ? undefined : collector(values.telemetry),
    help: values.help,
  };
}

function readOptions(parameters: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...parameters],
      options: {
        instances: { type: 'string', default: '1' },
        'token-lifetime': { type: 'string', default: '10m' },
        port: { type: 'string' },
        callers: { type: 'string', default: 'function-key' },
        flex: { type: 'boolean', default: false },
        cluster: { type: 'boolean', default: false },
        telemetry: { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    });
    return values;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new Error(`${message}\n\n${usage}`, { cause: error });
  }
}

/** `function-key` is what the host enforces: the local one, as Core Tools, lets anybody in. */
function callersMode(text: string): string {
  if (['function-key', 'entra'].includes(text)) return text;
  throw new Error(`--callers: expected "entra" or "function-key", got "${text}".`);
}

function wholeNumber(name: string, text: string, least: number, most: number): number {
  const number = /^\d{1,6}$/u.test(text) ? Number(text) : Number.NaN;
  if (number >= least && number <= most) return number;
  throw new Error(`${name}: expected a whole number from ${least} to ${most}, got "${text}".`);
}

function collector(text: string): string {
  if (/^https?:$/u.test(URL.parse(text)?.protocol ?? '')) return text;
  throw new Error(`--telemetry: expected the URL of a collector, like http://localhost:4318; got "${text}".`);
}

function lifetime(text: string): number {
  const groups = /^(?<count>\d{1,5})(?<unit>[smh])$/u.exec(text)?.groups;
  const lifetimeMs = Number(groups?.['count']) * unitsMs[(groups?.['unit'] ?? 's') as keyof typeof unitsMs];
  if (lifetimeMs >= leastLifetimeMs && lifetimeMs <= mostLifetimeMs) return lifetimeMs;
  throw new Error(`--token-lifetime: expected a time from 5s to 24h, like 20s, 10m or 1h; got "${text}".`);
}
