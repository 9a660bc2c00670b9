import { expect, it } from 'vitest';
import { isStale, parseCacheStatus, sourceOf, ttlSecondsOf } from '../../../src/client/cache-status.ts';

it.each([
  ['hit; ttl=120', 'redis', 120, false],
  ['hit', 'redis', undefined, false],
  ['hit; ttl=-5; detail=stale', 'redis', -5, true],
  ['hit; ttl=120; detail=memory', 'memory', 120, false],
  ['hit; ttl=-5; detail=stale-memory', 'memory', -5, true],
  ['hit; ttl=120; detail=cache-unavailable', 'memory', 120, false],
  ['hit; ttl=100; detail=purged', 'redis', 100, true],
  ['fwd=miss; fwd-status=200; stored; ttl=290', 'origin', 290, false],
  ['fwd=miss; fwd-status=200; detail="Cache-Control: no-store"', 'origin', undefined, false],
  ['fwd=stale; fwd-status=304; stored; ttl=290', 'origin', 290, false],
  ['fwd=stale; ttl=-5; detail=origin-failed', 'redis', -5, true],
  ['fwd=bypass; fwd-status=200; ttl=290; detail=cache-unavailable', 'origin', 290, false],
] as const)('%s', (parameters, source, ttlSeconds, stale) => {
  const status = parseCacheStatus(`redis-entra-functions; ${parameters}`) ?? new Map();
  expect([sourceOf(status), ttlSecondsOf(status), isStale(status)]).toEqual([source, ttlSeconds, stale]);
});

it('is found among those of proxies', () => {
  const field =
    'edge;hit;detail="a, redis-entra-functions; ttl=1, \\" b" , redis-entra-functions;fwd=miss;detail="a\\"b", other';
  expect(parseCacheStatus(field)).toEqual(
    new Map([
      ['fwd', 'miss'],
      ['detail', 'a"b'],
    ]),
  );
});

it.each([
  null,
  '',
  'other; hit',
  'redis-entra-functions-2; hit',
  '; hit',
  'a; =, redis-entra-functions; hit',
])('is not in %s', (field) => {
  expect(parseCacheStatus(field)).toBeUndefined();
});

it('is read in a time that follows its length', () => {
  const startedAtMs = performance.now();
  parseCacheStatus(`a${'; b'.repeat(20_000)}"`);
  parseCacheStatus(`a; b="${'\\"'.repeat(20_000)}`);
  expect(performance.now() - startedAtMs).toBeLessThan(2000);
});
