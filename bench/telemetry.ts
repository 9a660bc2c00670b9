// What seeing costs: reads through the local host and cold starts of the app, beside the app from before it measured
// anything, and with OpenTelemetry switched on, each request traced and sent to a collector in another process.
// `--commit <hash>` compares with another one, `--rounds 101` measures for longer.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startHost, type Host } from '../local/functions-host/host.ts';
import { startStack, type Stack } from '../local/stack.ts';
import { hostRates } from './support/host-rates.ts';
import { median } from './support/median.ts';
import { processorMs } from './support/processor.ts';
import { buildApps } from './telemetry/apps.ts';
import type { Received } from './telemetry/sink.ts';

const { values } = parseArgs({
  options: { commit: { type: 'string', default: '4144585' }, rounds: { type: 'string', default: '61' } },
});
const rounds = Number(values.rounds);
const requestsPerRound = 500;
const concurrency = 32;
const coldStarts = 15;
const goals = { off: [0.99, 1.01], on: 0.85, coldStartMs: 120, zipKibibytes: 1229 } as const;
const path = '/api/cache/hello';

type Settings = Readonly<Record<string, string>>;
interface Variant {
  readonly directory: string;
  readonly settings: Settings;
}
/** `again` is the same as `off`: how far it is from 1 is what the machine does. */
type Name = 'before' | 'off' | 'again' | 'on';

const verdict = (isMet: boolean): string => (isMet ? 'met' : 'NOT met');

async function measureReads(
  what: string,
  variants: ReadonlyMap<Name, Variant>,
  stack: Stack,
  more: Settings,
): Promise<void> {
  const hosts = new Map<Name, Host>();
  try {
    for (const [name, { directory, settings }] of variants) {
      const all = { ...stack.settings, ...settings, ...more };
      hosts.set(name, await startHost({ appDirectory: directory, settings: all, timers: false }));
    }
    const urls = Object.fromEntries([...hosts].map(([name, { url }]) => [name, `${url}${path}`]));
    await hostRates(urls, { rounds: 0, requestsPerRound: 4000, concurrency });
    const before = new Map([...hosts].map(([name, host]) => [name, processorMs(host)]));
    const rates = await hostRates(urls, { rounds, requestsPerRound, concurrency });
    const usedMs = (name: Name): number => {
      const host = hosts.get(name);
      return host === undefined ? Number.NaN : processorMs(host) - (before.get(name) ?? 0);
    };
    const beside = (name: Name, other: Name): number =>
      median((rates[name] ?? []).map((rate, round) => rate / (rates[other]?.[round] ?? Number.NaN)));
    const said = (name: Name, other: Name): string =>
      `${beside(name, other).toFixed(3)} of the rate, ${(usedMs(other) / usedMs(name)).toFixed(3)} for the same processor time of the instance`;
    console.log(
      `telemetry: ${what}, ${median(rates['off'] ?? []).toFixed(0)} reads/s; the same twice: ${said('again', 'off')}`,
    );
    if (hosts.has('before')) {
      const [least, most] = goals.off;
      const ratio = beside('off', 'before');
      console.log(
        `telemetry: ${what}, switched off beside ${values.commit}: ${said('off', 'before')} ` +
          `(${least} to ${most}: ${verdict(ratio >= least && ratio <= most)})`,
      );
    }
    const traced = beside('on', 'off');
    console.log(
      `telemetry: ${what}, switched on beside off: ${said('on', 'off')} (at least ${goals.on}: ${verdict(traced >= goals.on)})`,
    );
  } finally {
    await Promise.all([...hosts.values()].map((host) => host.stop()));
  }
}

async function measureColdStarts(variants: ReadonlyMap<Name, Variant>, stack: Stack): Promise<void> {
  const times = new Map<Name, number[]>([...variants.keys()].map((name) => [name, []]));
  // The first round is not counted: it fills the caches of the disk and of this process.
  for (let round = 0; round <= coldStarts; round += 1) {
    for (const [name, variant] of variants) {
      const tookMs = await coldStart(variant, stack);
      if (round > 0) times.get(name)?.push(tookMs);
    }
  }
  const of = (name: Name): number => median(times.get(name) ?? []);
  const more = (name: Name, other: Name): number =>
    median((times.get(name) ?? []).map((ms, round) => ms - (times.get(other)?.[round] ?? Number.NaN)));
  console.log(
    `telemetry: cold start ${of('off').toFixed(0)} ms switched off, ${more('off', 'before').toFixed(0)} ms more than ${values.commit}; ` +
      `switched on ${more('on', 'off').toFixed(0)} ms more than off (at most ${goals.coldStartMs}: ` +
      `${verdict(more('on', 'off') <= goals.coldStartMs)}; medians of ${coldStarts} pairs)`,
  );
}

async function coldStart({ directory, settings }: Variant, stack: Stack): Promise<number> {
  const startedAtMs = performance.now();
  const all = { ...stack.settings, ...settings };
  const host = await startHost({ appDirectory: directory, settings: all, timers: false });
  try {
    const response = await fetch(`${host.url}${path}`);
    await response.arrayBuffer();
    if (response.status !== 200) throw new Error(`The app answered ${response.status}.`);
    return performance.now() - startedAtMs;
  } finally {
    await host.stop();
  }
}

const { now, before, zipBytes } = await buildApps(values.commit);
console.log(
  `telemetry: the zip has ${(zipBytes / 1024).toFixed(0)} KiB (at most ${goals.zipKibibytes}: ${verdict(zipBytes <= goals.zipKibibytes * 1024)})`,
);
const sink = fork(join(import.meta.dirname, 'telemetry/sink.ts'));
const stack = await startStack({ storage: false });
try {
  const [port] = (await once(sink, 'message')) as [number];
  const received = async (): Promise<Received> => {
    sink.send('count');
    const [count] = (await once(sink, 'message')) as [Received];
    return count;
  };
  await stack.redis.admin('SET', 'hello', Buffer.alloc(1024, 'x'));
  const on = {
    TELEMETRY: 'opentelemetry',
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf',
    OTEL_TRACES_SAMPLER: 'always_on',
  };
  const variants = new Map<Name, Variant>([
    ...(before === undefined ? [] : [['before', { directory: before, settings: {} }] as const]),
    ['off', { directory: now, settings: {} }],
    ['again', { directory: now, settings: {} }],
    ['on', { directory: now, settings: on }],
  ]);
  for (const [what, memory] of [
    ['from Redis', '0'],
    ['from memory', '32'],
  ] as const) {
    const earlier = (await received()).spans;
    await measureReads(what, variants, stack, { CACHE_MEMORY_MB: memory });
    const spans = (await received()).spans - earlier;
    const reads = (rounds + 2) * requestsPerRound + 8000;
    console.log(`telemetry: ${what}, ${(spans / reads).toFixed(2)} spans arrived for each of ${reads} reads`);
  }
  await measureColdStarts(new Map([...variants].filter(([name]) => name !== 'again')), stack);
} finally {
  sink.disconnect();
  await stack.stop();
}
