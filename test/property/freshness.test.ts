import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { freshUntilMs, isServableOnError, lifetimeOf, standingOf } from '../../src/cache/freshness.ts';

const randoms = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const seconds = fc.integer({ min: 1, max: 31_536_000 });
const head = (storedAtMs: number, ttlSeconds: number, loadMs: number) => ({
  contentType: 'text/plain',
  etag: 'x',
  writeId: 'w',
  freshness: { storedAtMs, ttlSeconds },
  loaded: {
    status: 200,
    codings: [],
    fields: {},
    isWeak: false,
    loadMs,
    revalidate: false,
    staleAllowed: true,
    staleWhileRevalidateSeconds: 60,
    staleIfErrorSeconds: 120,
    keptMs: 0,
  },
});

const permission = (said: Partial<Parameters<typeof lifetimeOf>[0]>) =>
  ({
    kind: 'allowed',
    lifetimeSeconds: undefined,
    ageSeconds: 0,
    revalidate: false,
    staleAllowed: true,
    staleWhileRevalidateSeconds: undefined,
    staleIfErrorSeconds: undefined,
    ...said,
  }) as const;
const beganAtMs = Date.UTC(2026, 0, 1);
const rules = { defaultTtlSeconds: 300, staleSeconds: 60 };
const lived = (
  said: Partial<Parameters<typeof lifetimeOf>[0]>,
  { hasValidator = false, random = 0, of = rules } = {},
) => lifetimeOf(permission(said), of, { nowMs: beganAtMs, hasValidator }, random);

describe('lifetimes', () => {
  it('are never longer than the origin allows from when it made the answer, and what is left at most a tenth shorter', () => {
    const ages = fc.nat(40_000_000);
    fc.assert(
      fc.property(
        fc.option(seconds, { nil: undefined }),
        seconds,
        ages,
        randoms,
        (said, byDefault, age, random) => {
          const of = { defaultTtlSeconds: byDefault, staleSeconds: 60 };
          const lifetime = lived({ lifetimeSeconds: said, ageSeconds: age }, { random, of });
          const full = said ?? byDefault;
          const { storedAtMs, ttlSeconds } = lifetime?.freshness ?? expect.unreachable();
          expect(storedAtMs).toBe(beganAtMs - age * 1000);
          expect(ttlSeconds).toBeLessThanOrEqual(full);
          if (full > age) expect(ttlSeconds - age).toBeGreaterThanOrEqual((full - age) * 0.899);
          expect(lifetime?.staleWhileRevalidateSeconds).toBe(60);
        },
      ),
    );
  });

  it('of what was filled together do not end together', () => {
    const ends = [0, 0.25, 0.5, 0.75].map((random) => lived({ lifetimeSeconds: 300 }, { random }));
    expect(new Set(ends.map((one) => one && freshUntilMs(one.freshness))).size).toBe(4);
  });

  it.each([
    ['says nothing', {}, 60, 60],
    ['says both', { staleWhileRevalidateSeconds: 5, staleIfErrorSeconds: 7 }, 5, 7],
    ['says none', { staleWhileRevalidateSeconds: 0, staleIfErrorSeconds: 0 }, 0, 0],
    ['says one', { staleIfErrorSeconds: 0 }, 60, 0],
    ['forbids it', { staleAllowed: false, staleWhileRevalidateSeconds: 5, staleIfErrorSeconds: 7 }, 0, 0],
    ['sends what has ended', { lifetimeSeconds: 0, revalidate: true }, 0, 60],
  ])('may be passed as the origin %s, or else the setting', (_what, said, whileRevalidated, ifFailed) => {
    expect(lived(said, { hasValidator: true })).toMatchObject({
      staleWhileRevalidateSeconds: whileRevalidated,
      staleIfErrorSeconds: ifFailed,
    });
  });

  it('are none for what could not be used again', () => {
    expect(lived({ revalidate: true })).toBeUndefined();
    expect(lived({ lifetimeSeconds: 0, revalidate: true })).toBeUndefined();
    expect(lived({ lifetimeSeconds: 5, ageSeconds: 9, staleAllowed: false })).toBeUndefined();
    expect(lived({ revalidate: true }, { hasValidator: true })).toBeDefined();
    expect(lived({ lifetimeSeconds: 0, revalidate: true, staleIfErrorSeconds: 1 })).toBeDefined();
  });

  it('end in Redis after the last use: when it may be stale no more, and is not worth to be validated', () => {
    expect(lived({ lifetimeSeconds: 100, ageSeconds: 40 })?.keptMs).toBe(120_000);
    expect(lived({ lifetimeSeconds: 100, staleIfErrorSeconds: 500 })?.keptMs).toBe(600_000);
    expect(lived({ lifetimeSeconds: 100, staleAllowed: false }, { hasValidator: true })?.keptMs).toBe(
      200_000,
    );
    expect(lived({ lifetimeSeconds: 1, staleAllowed: false }, { hasValidator: true })?.keptMs).toBe(61_000);
    const year = lived({ lifetimeSeconds: 31_536_000, staleAllowed: false }, { hasValidator: true });
    expect(year?.keptMs).toBe((31_536_000 + 86_400) * 1000);
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
          const isOver = nowMs >= ttl * 1000;
          const expected = nowMs >= (ttl + 60) * 1000 ? 'expired' : 'stale';
          if (isOver) expect(standingOf(entry, nowMs, random)).toBe(expected);
          else expect(['fresh', 'due']).toContain(standingOf(entry, nowMs, random));
          expect(isServableOnError(entry, nowMs)).toBe(nowMs < (ttl + 120) * 1000);
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

  it('is expired from the start where the origin has to be asked each time', () => {
    const entry = head(0, 60, 1);
    const asked = { ...entry, loaded: { ...entry.loaded, revalidate: true, staleIfErrorSeconds: 0 } };
    expect(standingOf(asked, 0, 0)).toBe('expired');
    expect(isServableOnError(asked, 0)).toBe(false);
  });

  it('is fresh for what the origin did not bring, however old', () => {
    expect(standingOf({ ...head(0, 1, 1), loaded: undefined }, 1e12, 0.5)).toBe('fresh');
    expect(standingOf({ ...head(0, 1, 1), freshness: undefined }, 1e12, 0.5)).toBe('fresh');
  });
});
