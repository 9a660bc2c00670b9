import { describe, expect, it } from 'vitest';
import { whatIsShared } from '../../../src/fleet/neighbours.ts';

const app = (namespace: string, keyPrefix: string) => ({ site: undefined, namespace, keyPrefix });

describe('two apps on one cache share', () => {
  it.each([
    [
      'entries, with no prefix',
      app('a', ''),
      app('b', ''),
      /^CACHE_KEY_PREFIX is empty here and empty there/u,
    ],
    [
      'entries, with one prefix',
      app('a', 'x:'),
      app('b', 'x:'),
      /each reads and writes the other's entries/u,
    ],
    [
      'entries, with nested prefixes',
      app('a', 'x:'),
      app('b', 'x:y:'),
      /one reads and writes the other's entries/u,
    ],
    ['their fleet, with one namespace', app('a', 'x:'), app('a', 'y:'), /^APP_NAMESPACE is "a" in both/u],
    ['both', app('a', ''), app('a', 'y:'), /^CACHE_KEY_PREFIX.*APP_NAMESPACE.*\.$/u],
  ])('%s', (_what, one, other, reason) => {
    expect(whatIsShared(one, other)).toMatch(reason);
    expect(whatIsShared(other, one)).toBeDefined();
  });

  it('nothing, with a namespace and a prefix each', () => {
    expect(whatIsShared(app('a', 'x:'), app('b', 'y:'))).toBeUndefined();
  });
});
