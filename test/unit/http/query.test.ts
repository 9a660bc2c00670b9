import { describe, expect, it } from 'vitest';
import { acceptsCodings } from '../../../src/http/accept-encoding.ts';
import { checkParameters, parameterOf, readQuery } from '../../../src/http/query.ts';
import { urlTemplate, withQuery } from '../../../src/util/url-template.ts';

const query = (text: string): URLSearchParams => new URLSearchParams(text);

describe('the query of a read', () => {
  it.each(['', 'code=abc', 'Code=abc&CLIENTID=x'])('%j means nothing', (text) => {
    expect(readQuery(query(text), 'reject')).toEqual({ ok: true, suffix: '' });
    expect(readQuery(query(text), 'key')).toEqual({ ok: true, suffix: '' });
  });

  it('is refused by name, where it is no part of the key', () => {
    expect(readQuery(query('code=abc&page=1'), 'reject')).toMatchObject({
      ok: false,
      detail: expect.stringContaining('"page"') as string,
    });
    expect(readQuery(query('<script>=1'), 'reject')).toMatchObject({
      detail: expect.not.stringContaining('<') as string,
    });
  });

  it('is sorted where it is a part of the key, and keeps the order of what has one name', () => {
    const one = readQuery(query('b=2&a=1&code=x&b=1'), 'key');
    expect(one).toEqual({ ok: true, suffix: '?a=1&b=2&b=1' });
    expect(readQuery(query('b=2&b=1&a=1'), 'key')).toEqual(one);
    expect(readQuery(query('page=2'), 'key')).not.toEqual(readQuery(query('page=1'), 'key'));
  });
});

it('a write knows what it is told, in any letter case', () => {
  expect(checkParameters(query('TTL=5&code=x'), ['ttl'])).toMatchObject({ ok: true });
  expect(checkParameters(query('ttl=5&tt=6'), ['ttl'])).toMatchObject({ ok: false });
  expect(parameterOf(query('Ttl=5'), 'ttl')).toBe('5');
  expect(parameterOf(query('ttl=5&TTL=6'), 'ttl')).toBe('5,6');
  expect(parameterOf(query(''), 'ttl')).toBeUndefined();
});

describe('where an origin is asked for a key with a query', () => {
  it.each([
    ['http://o/{key}', 'a/b?x=1&y=%20', 'http://o/a%2Fb?x=1&y=%20'],
    ['http://o/{+key}?v=1', 'a/b?x=1', 'http://o/a/b?v=1&x=1'],
    ['http://o/{key}', 'a', 'http://o/a'],
    ['http://o/{key}', 'a?', 'http://o/a'],
    ['http://o/{key}', 'a?x=/../#y z', 'http://o/a?x=/../%23y%20z'],
    ['http://o/q?key={key}', 'a?x=1', 'http://o/q?key=a&x=1'],
    ['http://o/{key}', '..?x=1', undefined],
    ['http://o/{key}', '?x=1', undefined],
  ])('%s, %s', (template, key, href) => {
    expect(withQuery(urlTemplate(template))(key)).toBe(href);
  });
});

describe('a client accepts a coding', () => {
  it.each([
    [null, ['gzip'], false],
    ['', ['gzip'], false],
    ['gzip', ['gzip'], true],
    ['GZIP;q=0.5', ['gzip'], true],
    ['x-gzip', ['gzip'], true],
    ['gzip;q=0', ['gzip'], false],
    ['*', ['br'], true],
    ['*;q=0, br', ['br'], true],
    ['*, br;q=0', ['br'], false],
    ['gzip', ['gzip', 'br'], false],
    ['gzip, br', ['gzip', 'br'], true],
    ['gzip;q=2', ['gzip'], false],
    ['gzip;level=9', ['gzip'], false],
    [null, [], true],
  ])('Accept-Encoding %j, %j: %s', (field, codings, accepts) => {
    expect(acceptsCodings(field, codings)).toBe(accepts);
  });
});
