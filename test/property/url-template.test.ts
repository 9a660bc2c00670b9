import { posix } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isUrlTemplate, urlTemplate } from '../../src/util/url-template.ts';

const templates = [
  'https://origin.example/{key}',
  'https://origin.example/a/b/{key}',
  'https://origin.example/a/{key}/b',
  'https://origin.example/a/x-{key}.json',
  'https://origin.example/a/.{key}',
  'https://origin.example/a/%2e{key}',
  'https://origin.example/a/{key}?key=1',
  'https://origin.example/a?first=1&name={key}&last=2',
  'http://origin.example:8080/a?{key}',
];

/** Pieces of what has broken out of a URL somewhere before, and pieces of the templates themselves. */
const pieces =
  String.raw`. .. / // \ @ ? # & = ; : % %% %2e %2E%2E %2f %5C %252e %00 [::1] ${'{key}'} key ü 🔑
http://evil.example //evil.example/ @evil.example`.split(/\s/u);
const hostile = fc.oneof(
  fc.constantFrom(...pieces),
  fc.constantFrom(
    '\r\n',
    '\r\nHost: evil.example',
    '\0',
    ' ',
    '\t',
    '\u00A0',
    '\u2028',
    '\uFEFF',
    '\uFF0E',
    '\uD800',
  ),
);
const keys = fc.oneof(
  fc.array(hostile, { maxLength: 8 }).map((all) => all.join('')),
  fc.string({ unit: 'binary', maxLength: 30 }),
  fc.string({ unit: 'grapheme', maxLength: 30 }),
);

/** Where a URL of the template goes whatever its key: all that stands around the key, parsed. */
function expectInPlace(template: string, key: string, href: string, slashes: 'encoded' | 'kept'): void {
  const [before = '', after = ''] = template.split('{key}');
  expect(href.startsWith(before) && href.endsWith(after)).toBe(true);
  const middle = href.slice(before.length, href.length - after.length);
  // Nothing in it has a meaning in a URL but the slashes, and it says exactly which key.
  expect(middle).toMatch(slashes === 'kept' ? /^[\w.~%/-]+$/u : /^[\w.~%-]+$/u);
  expect(decodeURIComponent(middle)).toBe(key);

  const url = new URL(href);
  const { origin } = new URL(template);
  // What is sent is what was checked: the parser of whoever asks has nothing to resolve.
  expect(url).toMatchObject({ href, origin, username: '', password: '', hash: '' });
  if (template.includes('?') && template.indexOf('?') < template.indexOf('{key}')) {
    expect(url.pathname).toBe(new URL(template).pathname);
    const names = (search: URLSearchParams): number => [...search].length;
    expect(names(url.searchParams)).toBe(names(new URL(before + 'x' + after).searchParams));
    return;
  }
  expect(url.search).toBe(new URL(template).search);
  if (slashes === 'encoded') {
    expect(url.pathname.split('/')).toHaveLength(new URL(template).pathname.split('/').length);
  }
  expectWithin(template, decodeURIComponent(url.pathname));
}

/** A server that decodes before it resolves, and takes a backslash for a slash, comes to the same place. */
function expectWithin(template: string, decodedPath: string): void {
  const path = decodedPath.replaceAll('\\', '/');
  const [before = '', after = ''] = decodeURIComponent(template).split('{key}');
  const resolved = posix.normalize(path);
  expect(resolved.startsWith(new URL(before).pathname.replace(/[^/]*$/u, ''))).toBe(true);
  expect(resolved.endsWith(after.split('?')[0] ?? '')).toBe(true);
  // Nothing was taken away on the way there but doubled slashes.
  expect(resolved).toBe(path.replaceAll(/\/+/gu, '/'));
}

/** @param placed what stands for the key, with its slashes encoded. */
function expectPlace(key: string, placed: string | undefined): void {
  const template = 'https://origin.example/a/{key}/b?c=d';
  const around = (text: string | undefined): string | undefined => text && template.replace('{key}', text);
  expect(urlTemplate(template)(key)).toBe(around(placed));
  expect(urlTemplate(template.replace('{key}', '{+key}'))(key)).toBe(around(placed?.replaceAll('%2F', '/')));
}

describe('the place of a key in a URL template', () => {
  it.each(templates)('is never left: %s', (template) => {
    for (const slashes of ['encoded', 'kept'] as const) {
      const place = urlTemplate(slashes === 'kept' ? template.replace('{key}', '{+key}') : template);
      fc.assert(
        fc.property(keys, (key) => {
          const href = place(key);
          if (href !== undefined) expectInPlace(template, key, href, slashes);
        }),
        { numRuns: 500 },
      );
    }
  });

  it('is refused to no key but an empty one, an ill-formed one, and one with dot segments', () => {
    const place = urlTemplate('https://origin.example/a/{key}/b');
    fc.assert(
      fc.property(keys, (key) => {
        const dots = key.split(/[/\\]/u).some((segment) => segment === '.' || segment === '..');
        expect(place(key) === undefined).toBe(key === '' || !key.isWellFormed() || dots);
      }),
      { numRuns: 2000 },
    );
  });

  it.each([
    ['..', undefined],
    ['.', undefined],
    ['../secret', undefined],
    ['a/../../secret', undefined],
    ['..\\secret', undefined],
    ['a\\..\\secret', undefined],
    ['a/.', undefined],
    ['', undefined],
    ['\uD800', undefined],
    ['a\uDC00b', undefined],
    ['...', '...'],
    ['..a/b..', '..a%2Fb..'],
    // Decoded once, as a server does, this is the key itself.
    ['%2e%2e%2fsecret', '%252e%252e%252fsecret'],
    ['%2e%2e', '%252e%252e'],
    ['//evil.example/', '%2F%2Fevil.example%2F'],
    ['http://evil.example', 'http%3A%2F%2Fevil.example'],
    ['@evil.example', '%40evil.example'],
    ['user:password@evil.example', 'user%3Apassword%40evil.example'],
    ['a?admin=1', 'a%3Fadmin%3D1'],
    ['a#b', 'a%23b'],
    ['a&b=c', 'a%26b%3Dc'],
    ['a;b', 'a%3Bb'],
    ['a+b c', 'a%2Bb%20c'],
    ["!'()*", '%21%27%28%29%2A'],
    ['a\r\nHost: evil.example\r\n\r\n', 'a%0D%0AHost%3A%20evil.example%0D%0A%0D%0A'],
    ['{key}', '%7Bkey%7D'],
    ['schlüssel/鍵', 'schl%C3%BCssel%2F%E9%8D%B5'],
  ])('for %j', expectPlace);

  it('for 1,024 bytes of percent signs, of slashes, of dots', () => {
    expectPlace('%'.repeat(1024), '%25'.repeat(1024));
    expectPlace('/'.repeat(1024), '%2F'.repeat(1024));
    expectPlace('.'.repeat(1024), '.'.repeat(1024));
    expectPlace('../'.repeat(341), undefined);
  });

  it('is refused where template and key make a dot segment together', () => {
    expect(urlTemplate('https://origin.example/a/.{key}')('.')).toBeUndefined();
    expect(urlTemplate('https://origin.example/a/%2e{key}')('.')).toBeUndefined();
    expect(urlTemplate('https://origin.example/a/{key}.')('.')).toBeUndefined();
    expect(urlTemplate('https://origin.example/a/{key}.json')('..')).toBe('https://origin.example/a/...json');
  });
});

describe('a URL template', () => {
  it.each([
    'https://origin.example/{key}',
    'http://origin.example/a/{key}/b',
    'https://origin.example/a?name={key}',
    'https://origin.example/a?{key}',
    'https://key.example/key/{key}?key=key0',
  ])('may be %s', (template) => {
    expect(isUrlTemplate(template)).toBe(true);
    const [before, after] = template.split('{key}');
    expect(urlTemplate(template)('value')).toBe(`${before}value${after}`);
  });

  it.each([
    ['without a key', 'https://origin.example/'],
    ['the key twice', 'https://origin.example/{key}/{key}'],
    ['the key in the host', 'https://{key}.example/'],
    ['the key as the host', 'https://{key}/a'],
    ['the key in the port', 'https://origin.example:{key}/'],
    ['the key in the user name', 'https://{key}@origin.example/'],
    ['the key in the scheme', '{key}://origin.example/'],
    ['the key in the fragment', 'https://origin.example/#{key}'],
    ['a fragment', 'https://origin.example/{key}#top'],
    ['a user name', 'https://user@origin.example/{key}'],
    ['a password', 'https://:password@origin.example/{key}'],
    ['a key that the parser takes away', 'https://origin.example/{key}/..'],
    ['another scheme', 'ftp://origin.example/{key}'],
    ['a file', 'file:///{key}'],
    ['no URL', 'origin.example/{key}'],
    ['no host', 'https:///{key}?'],
  ])('must not have %s', (_what, template) => {
    expect(isUrlTemplate(template)).toBe(false);
    expect(() => urlTemplate(template)).toThrow(TypeError);
  });
});
