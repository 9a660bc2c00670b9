import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { freshUntilMs, lifetimeOf, standingOf } from '../../src/cache/freshness.ts';

const randoms = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const seconds = fc.integer({ min: 1, max: 31_536_000 });
const head = (storedAtMs: number, ttlSeconds: number, loadMs: number) => ({
  contentType: 'text/plain',
  etag: 'x',
  writeId: 'w',
  freshness: { storedAtMs, ttlSeconds },
  loaded: { validator: undefined, staleSeconds: 60, loadMs, maxAgeSeconds: undefined, staleAllowed: true },
});

describe('lifetimes', () => {
  it('are never longer than the origin allows, and at most a tenth shorter', () => {
    fc.assert(
      fc.property(fc.option(seconds, { nil: undefined }), seconds, randoms, (maxAge, byDefault, random) => {
        const permission = { kind: 'allowed', maxAgeSeconds: maxAge, staleAllowed: true } as const;
        const rules = { defaultTtlSeconds: byDefault, staleSeconds: 60 };
        const { freshness, staleSeconds } = lifetimeOf(permission, rules, 0, random);
        const full = maxAge ?? byDefault;
        expect(freshness.ttlSeconds).toBeLessThanOrEqual(full);
        expect(freshness.ttlSeconds).toBeGreaterThanOrEqual(full * 0.899);
        expect(staleSeconds).toBe(60);
      }),
    );
  });

  it('of what was filled together do not end together', () => {
    const permission = { kind: 'allowed', maxAgeSeconds: 300, staleAllowed: false } as const;
    const rules = { defaultTtlSeconds: 1, staleSeconds: 60 };
    const ends = [0, 0.25, 0.5, 0.75].map((random) => lifetimeOf(permission, rules, 0, random));
    expect(new Set(ends.map(({ freshness }) => freshUntilMs(freshness))).size).toBe(4);
    // must-revalidate
    expect(ends.map(({ staleSeconds }) => staleSeconds)).toEqual([0, 0, 0, 0]);
  });
});

describe('the standing of an entry', () => {
  it('is stale from the end of its lifetime on, and never before', () => {
    fc.assert(
      fc.property(
        seconds,
        fc.nat(60_000),
        randoms,
        fc.double({ min: 0, max: 2, noNaN: true }),
        (ttl, load, random, at) => {
          const entry = head(0, ttl, load);
          const nowMs = ttl * 1000 * at;
          expect(standingOf(entry, nowMs, random) === 'stale').toBe(nowMs >= ttl * 1000);
        },
      ),
    );
  });

  it('is due in its last quarter at the earliest, and the more likely the nearer its end and the longer a load', () => {
    fc.assert(
      fc.property(
        seconds,
        fc.nat(60_000),
        randoms,
        fc.double({ min: 0, max: 0.75, noNaN: true }),
        (ttl, load, random, at) => {
          expect(standingOf(head(0, ttl, load), ttl * 1000 * at - 1, random)).toBe('fresh');
        },
      ),
    );
    const dueShare = (leftMs: number, loadMs: number): number => {
      const draws = Array.from({ length: 1000 }, (_, index) => index / 1000);
      return draws.filter((random) => standingOf(head(0, 100, loadMs), 100_000 - leftMs, random) === 'due')
        .length;
    };
    expect(dueShare(100, 100)).toBeGreaterThan(dueShare(300, 100));
    expect(dueShare(100, 200)).toBeGreaterThan(dueShare(100, 100));
    expect(dueShare(100, 100)).toBeGreaterThan(350);
    expect(dueShare(100, 100)).toBeLessThan(390);
  });

  it('is fresh for what the origin did not bring, however old', () => {
    expect(standingOf({ ...head(0, 1, 1), loaded: undefined }, 1e12, 0.5)).toBe('fresh');
    expect(standingOf({ ...head(0, 1, 1), freshness: undefined }, 1e12, 0.5)).toBe('fresh');
  });
});
