import { describe, expect, it } from 'vitest';
import { keySuffix, parameterOf, rejectUnknown } from '../../../src/http/query.ts';
import { urlTemplate, withQuery } from '../../../src/util/url-template.ts';

const query = (text: string): URLSearchParams => new URLSearchParams(text);

describe('the query of a read', () => {
  it.each(['', 'code=abc', 'Code=abc&CLIENTID=x'])('%j means nothing', (text) => {
    expect(keySuffix(query(text), 'reject')).toBe('');
    expect(keySuffix(query(text), 'key')).toBe('');
  });

  it('is refused by name, where it is no part of the key', () => {
    expect(() => keySuffix(query('code=abc&page=1'), 'reject')).toThrow(
      expect.objectContaining({
        code: 'invalid-query',
        message: expect.stringContaining('"page"') as string,
      }),
    );
    expect(() => keySuffix(query('<script>=1'), 'reject')).toThrow('"?script?"');
  });

  it('is sorted where it is a part of the key, and keeps the order of what has one name', () => {
    const one = keySuffix(query('b=2&a=1&code=x&b=1'), 'key');
    expect(one).toBe('?a=1&b=2&b=1');
    expect(keySuffix(query('b=2&b=1&a=1'), 'key')).toBe(one);
    expect(keySuffix(query('page=2'), 'key')).not.toBe(keySuffix(query('page=1'), 'key'));
  });
});

it('a write knows its parameters in any letter case, and no others', () => {
  expect(() => rejectUnknown(query('TTL=5&code=x'), ['ttl'])).not.toThrow();
  expect(() => rejectUnknown(query('ttl=5&tt=6'), ['ttl'])).toThrow('"tt"');
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
