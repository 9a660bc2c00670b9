// A fleet comes back gently: 400 instances that follow the policy, by the thousand outages.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { reconnectDelayMs, rejectedDelayMs, subscriberDelayMs } from '../../src/redis/reconnect-policy.ts';

const instances = 400;
const windowMs = 100;

/** A random number in [0, 1) after the other, the same for the same seed (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d_2b_79_f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Return {
  /** Of connections for commands, from the loss on. */
  readonly attemptsAtMs: readonly number[];
  readonly subscribersAtMs: readonly number[];
}

/** All are cut at 0, and Redis lets nobody in before `awayMs`. */
function comeBack(awayMs: number, random: () => number): Return {
  const attemptsAtMs: number[] = [];
  const subscribersAtMs: number[] = [];
  for (let instance = 0; instance < instances; instance += 1) {
    let atMs = 0;
    for (let failures = 0; ; failures += 1) {
      const code = failures === 0 ? undefined : ('redis-unavailable' as const);
      atMs += reconnectDelayMs({ failures, code, awayMs: atMs, random: random(), instances });
      attemptsAtMs.push(atMs);
      if (atMs >= awayMs) break;
    }
    subscribersAtMs.push(atMs + subscriberDelayMs('loss', random()));
  }
  return { attemptsAtMs, subscribersAtMs };
}

function peak(timesMs: readonly number[]): number {
  const sorted = timesMs.toSorted((a, b) => a - b);
  let from = 0;
  let most = 0;
  for (const [index, atMs] of sorted.entries()) {
    while ((sorted[from] ?? atMs) <= atMs - windowMs) from += 1;
    most = Math.max(most, index - from + 1);
  }
  return most;
}

const outages = fc.record({ awayMs: fc.integer({ min: 0, max: 120_000 }), seed: fc.integer() });

describe('400 instances whose Redis was away', () => {
  it('make at most 100 handshakes in any 100 ms, while it is away and when it is back', () => {
    fc.assert(
      fc.property(outages, ({ awayMs, seed }) => {
        const { attemptsAtMs, subscribersAtMs } = comeBack(awayMs, randomFrom(seed));
        expect(peak([...attemptsAtMs, ...subscribersAtMs])).toBeLessThanOrEqual(100);
      }),
      { numRuns: 100, seed: 400 },
    );
  });

  it('are all back within ten seconds of it, and within one of a short outage', () => {
    fc.assert(
      fc.property(outages, ({ awayMs, seed }) => {
        const { attemptsAtMs, subscribersAtMs } = comeBack(awayMs, randomFrom(seed));
        const lastMs = attemptsAtMs.reduce((last, atMs) => Math.max(last, atMs), 0) - awayMs;
        expect(lastMs).toBeLessThanOrEqual(awayMs < 5500 ? 800 : 5000);
        expect(Math.max(...subscribersAtMs) - awayMs).toBeLessThan(10_000);
      }),
      { numRuns: 100, seed: 400 },
    );
  });

  it('try ever less often the longer it is away', () => {
    const { attemptsAtMs } = comeBack(120_000, randomFrom(1));
    const perSecond = (fromMs: number, toMs: number): number =>
      attemptsAtMs.filter((atMs) => atMs >= fromMs && atMs < toMs).length / ((toMs - fromMs) / 1000);
    expect(perSecond(1000, 5000)).toBeLessThan(700);
    expect(perSecond(15_000, 20_000)).toBeLessThan(260);
    expect(perSecond(60_000, 120_000)).toBeLessThan(100);
  });
});

describe('one instance', () => {
  it('tries again at once after a loss, within a second in a large fleet, and never with a pause below zero or above the limits', () => {
    const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(
        fc.nat(100),
        fc.nat(10_000_000),
        random,
        fc.integer({ min: 1, max: 2000 }),
        (failures, awayMs, at, count) => {
          const code = 'redis-unavailable';
          const delayMs = reconnectDelayMs({ failures, code, awayMs, random: at, instances: count });
          expect(delayMs).toBeGreaterThanOrEqual(0);
          expect(delayMs).toBeLessThanOrEqual(failures > 0 ? 5000 : count <= 33 ? 50 : 1000);
          const rejectedMs = rejectedDelayMs(failures + 1, at);
          expect(rejectedMs).toBeGreaterThanOrEqual(500);
          expect(rejectedMs).toBeLessThanOrEqual(37_500);
        },
      ),
    );
  });
});
