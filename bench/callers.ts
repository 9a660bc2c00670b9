// What verified callers cost: reads through the local host and cold starts with HTTP_AUTH=entra, beside the same app with
// function keys, in turn; and reads while somebody sends forged tokens, and what these cost the authority.
// `--rounds 101` measures for longer.

import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startHost, type Host } from '../local/functions-host/host.ts';
import { startStack } from '../local/stack.ts';
import { packageApp } from '../scripts/package.ts';
import { hostRates } from './support/host-rates.ts';
import { median } from './support/median.ts';
import { processorMs } from './support/processor.ts';

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '31' } } });
const rounds = Number(values.rounds);
const [coldStarts, requestsPerRound, concurrency] = [21, 500, 32];
const [forgedRequests, forgedRounds] = [10_000, 100];
const goals = { reads: 0.95, coldStart: 1.1, beside: 1.1, requestsPerMinute: 2 };
const path = '/api/cache/hello';
const verdict = (isMet: boolean): string => (isMet ? 'met' : 'NOT met');

const { appDirectory } = await packageApp({
  outDirectory: join(import.meta.dirname, '../out/bench/callers'),
});
const stack = await startStack({ storage: false });
try {
  await stack.redis.admin('SET', 'hello', Buffer.alloc(1024, 'x'));
  const keys = { ...stack.settings, CACHE_MEMORY_MB: '0' };
  const settings = { keys, again: keys, entra: { ...keys, ...stack.callerSettings } };
  const token = await stack.callers.token({ roles: ['Cache.Read'], lifetimeMs: 24 * 3600 * 1000 });
  // The same request for all: without entra nobody looks at it.
  const headers = { Authorization: `Bearer ${token}` };
  const start = (name: keyof typeof settings): Promise<Host> =>
    startHost({ appDirectory, settings: settings[name], timers: false });
  await reads(start, headers);
  await starts(start, headers);
  await forged(start, token);
} finally {
  await stack.stop();
}

type Start = (name: 'keys' | 'again' | 'entra') => Promise<Host>;
type Headers = Readonly<Record<string, string>>;

async function reads(start: Start, headers: Headers): Promise<void> {
  const hosts = { keys: await start('keys'), again: await start('again'), entra: await start('entra') };
  try {
    const urls = {
      keys: hosts.keys.url + path,
      again: hosts.again.url + path,
      entra: hosts.entra.url + path,
    };
    await hostRates(urls, { rounds: 0, requestsPerRound: 4000, concurrency, headers });
    const before = { keys: processorMs(hosts.keys), entra: processorMs(hosts.entra) };
    const rates = await hostRates(urls, { rounds, requestsPerRound, concurrency, headers });
    const beside = (name: 'again' | 'entra'): number =>
      median(rates[name].map((rate, round) => rate / (rates.keys[round] ?? Number.NaN)));
    const used = (processorMs(hosts.keys) - before.keys) / (processorMs(hosts.entra) - before.entra);
    console.log(
      `callers: reads with verified tokens / with keys = ${beside('entra').toFixed(3)} of the rate (at least ${goals.reads}: ` +
        `${verdict(beside('entra') >= goals.reads)}), ${used.toFixed(3)} for the same processor time of the instance; ` +
        `the same app twice ${beside('again').toFixed(3)} (medians of ${rounds} rounds)`,
    );
  } finally {
    await Promise.all(Object.values(hosts).map((host) => host.stop()));
  }
}

async function starts(start: Start, headers: Headers): Promise<void> {
  const times: Record<'keys' | 'entra', number[]> = { keys: [], entra: [] };
  // The first round is not counted.
  for (let round = 0; round <= coldStarts; round += 1) {
    for (const name of ['keys', 'entra'] as const) {
      const startedAtMs = performance.now();
      const host = await start(name);
      try {
        const response = await fetch(host.url + path, { headers });
        await response.arrayBuffer();
        if (response.status !== 200) throw new Error(`${name} answered ${response.status}.`);
        if (round > 0) times[name].push(performance.now() - startedAtMs);
      } finally {
        await host.stop();
      }
    }
  }
  const ratio = median(times.entra.map((tookMs, round) => tookMs / (times.keys[round] ?? Number.NaN)));
  console.log(
    `callers: cold start with entra ${median(times.entra).toFixed(0)} ms, with keys ${median(times.keys).toFixed(0)} ms, ` +
      `entra / keys = ${ratio.toFixed(2)} (at most ${goals.coldStart}: ${verdict(ratio <= goals.coldStart)}; medians of ${coldStarts})`,
  );
}

/** Reads one by one, in turn alone and beside as many forged tokens. */
async function forged(start: Start, token: string): Promise<void> {
  const host = await start('entra');
  const { documentRequests } = stack.authority;
  const [, payload, signature] = token.split('.');
  const ask = async (bearer: string): Promise<number> => {
    const response = await fetch(host.url + path, { headers: { Authorization: `Bearer ${bearer}` } });
    await response.arrayBuffer();
    return response.status;
  };
  let count = 0;
  const forge = (): string => {
    const header = { alg: 'RS256', typ: 'JWT', kid: `forged-${(count += 1)}` };
    return `${Buffer.from(JSON.stringify(header)).toString('base64url')}.${payload}.${signature}`;
  };
  const timesOf = async (beside: () => string): Promise<number> => {
    const tookMs: number[] = [];
    for (let n = 0; n < forgedRequests / forgedRounds; n += 1) {
      const other = ask(beside());
      const startedAtMs = performance.now();
      if ((await ask(token)) !== 200) throw new Error('A right token was refused.');
      tookMs.push(performance.now() - startedAtMs);
      await other;
    }
    return median(tookMs);
  };
  try {
    await timesOf(() => token);
    const firstDocument = documentRequests.length;
    const [before, ratios]: [number, number[]] = [performance.now(), []];
    for (let round = 0; round < forgedRounds; round += 1) {
      const alone = await timesOf(() => token);
      ratios.push((await timesOf(forge)) / alone);
    }
    const minutes = Math.ceil((performance.now() - before) / 60_000);
    const asked = documentRequests.length - firstDocument;
    const isMet = asked <= goals.requestsPerMinute * minutes;
    console.log(
      `callers: ${count} forged key ids within ${minutes} min cost the authority ${asked} requests (at most ` +
        `${goals.requestsPerMinute} a minute: ${verdict(isMet)}); a right read beside one takes ${median(ratios).toFixed(2)} of what it takes ` +
        `beside a right one (at most ${goals.beside}: ${verdict(median(ratios) <= goals.beside)})`,
    );
  } finally {
    await host.stop();
  }
}
