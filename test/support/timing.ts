// What a test in real time may take for lateness, and not for a fault.

import { expect } from 'vitest';
import type { LocalRedis } from '../../local/redis-server.ts';
import { lockKeys } from '../../src/cache/lock-keys.ts';
import { eventually, sleep } from './eventually.ts';

/**
 * How much later than promised an answer may be seen: the app, the local parts and the client that measures share two
 * cores with other test files. Deadlines to the millisecond are held by unit tests on a fake clock; here an answer at
 * its deadline is told apart from one that waits for something else, which takes seconds more.
 */
export const lateMs = 1500;

export interface Control extends Disposable {
  /** The longest that the probe has taken so far, or this process has waited for its turn. */
  readonly longestMs: number;
  /** The same of those times that were not over before `fromMs`, nor began after `toMs`, by Date.now(). */
  longestIn(fromMs: number, toMs: number): number;
  /** All of those together, up to now unless said otherwise. */
  totalIn(fromMs: number, toMs?: number): number;
}

/**
 * What Cache-Status says of a read of `name`. An answer is kept back for 0.3 s at most until it is stored: one that took
 * longer may leave `stored` out. Then the end of its load is waited for, and where it is stored by then, `stored` is
 * added.
 */
export async function cacheStatusOf(
  response: Response,
  tookMs: number,
  { redis, name }: { readonly redis: Pick<LocalRedis, 'admin'>; readonly name: string },
): Promise<string> {
  const said = (response.headers.get('cache-status') ?? '').replace('redis-entra-functions; ', '');
  if (tookMs < storeWaitMs || !lacksStored.test(said)) return said;
  const { lock } = lockKeys('ref', { kind: 'load', name });
  await eventually(async () => expect(await redis.admin('EXISTS', lock)).toBe(0));
  const isStored = (await redis.admin('EXISTS', name)) === 1;
  return isStored ? said.replace(lacksStored, '$&; stored') : said;
}

interface Wait {
  readonly fromMs: number;
  readonly toMs: number;
  readonly lateMs: number;
}

const storeWaitMs = 300;
const lacksStored = /^fwd=(?:miss|stale); fwd-status=(?:200|304)(?=; ttl=|$)/u;
const pauseMs = 50;
/** What is shorter is not noted. */
const shortMs = 50;

/**
 * Times again and again what should take no time at all, beside what a test measures: as much later than promised may
 * that be seen, too, for then the machine was busy with something else.
 */
export function startControl(probe: () => Promise<unknown>): Control {
  const waits: Wait[] = [];
  let sinceMs = Date.now();
  const over = new AbortController();
  const note = (promisedMs: number): void => {
    const wait = waitUpToNow(sinceMs, promisedMs);
    if (wait.lateMs > shortMs) waits.push(wait);
    sinceMs = wait.toMs;
  };
  void (async () => {
    while (!over.signal.aborted) {
      await probe().catch(() => {});
      note(0);
      await sleep(pauseMs);
      note(pauseMs);
    }
  })();
  const within = (fromMs: number, toMs: number): readonly number[] =>
    [...waits, waitUpToNow(sinceMs, pauseMs)]
      .filter((wait) => wait.toMs >= fromMs && wait.fromMs <= toMs)
      .map((wait) => wait.lateMs);
  const longestIn = (fromMs: number, toMs: number): number => Math.max(0, ...within(fromMs, toMs));
  return {
    longestIn,
    totalIn: (fromMs, toMs = Number.POSITIVE_INFINITY) =>
      within(fromMs, toMs).reduce((sum, ms) => sum + Math.max(0, ms), 0),
    get longestMs() {
      return longestIn(0, Number.POSITIVE_INFINITY);
    },
    [Symbol.dispose]() {
      over.abort();
    },
  };
}

function waitUpToNow(fromMs: number, promisedMs: number): Wait {
  const toMs = Date.now();
  return { fromMs, toMs, lateMs: toMs - fromMs - promisedMs };
}
