import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { conflictOf, nameOf, parseApp, type AppIdentity } from '../../../src/fleet/app-identity.ts';

const app = (namespace: string, keyPrefix: string): AppIdentity => ({
  site: undefined,
  namespace,
  keyPrefix,
});

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
    expect(conflictOf(one, other)).toMatch(reason);
    expect(conflictOf(other, one)).toBeDefined();
  });

  it('nothing, with a namespace and a prefix each', () => {
    expect(conflictOf(app('a', 'x:'), app('b', 'y:'))).toBeUndefined();
  });
});

describe('an app', () => {
  it('is named by its site, and elsewhere by its settings', () => {
    expect(nameOf({ site: 'shop', namespace: 'a', keyPrefix: 'x:' })).toBe('shop');
    expect(nameOf(app('a', 'x:'))).toBe('a "x:"');
  });

  it('is read as it was written', () => {
    const text = fc.string({ maxLength: 1024 });
    const apps = fc.record({ site: fc.option(text, { nil: undefined }), namespace: text, keyPrefix: text });
    fc.assert(
      fc.property(apps, (one) => {
        expect(parseApp(JSON.stringify(one))).toEqual(one);
      }),
    );
  });

  it.each([
    ['no JSON', '{'],
    ['no object', 'null'],
    ['another type', '{"namespace":1,"keyPrefix":""}'],
    ['a field that lacks', '{"namespace":"a"}'],
    ['a site that is none', '{"site":1,"namespace":"a","keyPrefix":""}'],
    ['too long', JSON.stringify(app('a', 'x'.repeat(1025)))],
  ])('is none where it is %s', (_what, written) => {
    expect(parseApp(written)).toBeUndefined();
  });
});
