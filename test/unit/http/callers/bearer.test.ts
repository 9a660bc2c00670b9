import { expect, it } from 'vitest';
import { bearerOf } from '../../../../src/http/callers/bearer.ts';
import { requestOf } from '../../../support/call-handler.ts';

const kindOf = (authorization: string | undefined, query: Record<string, string> = {}): string => {
  const headers = authorization === undefined ? {} : { authorization };
  const bearer = bearerOf(requestOf({ headers, query }));
  return bearer.kind === 'token' ? `token ${bearer.token}` : bearer.kind;
};

it.each([
  [undefined, 'none'],
  ['', 'none'],
  ['Basic dXNlcjpwYXNz', 'none'],
  ['Bearerx a.b.c', 'none'],
  ['Bearer a.b.c', 'token a.b.c'],
  ['bearer  a.b-_~+/c== ', 'token a.b-_~+/c=='],
  ['Bearer', 'malformed'],
  ['Bearer ', 'malformed'],
  ['Bearer a.b.c, Bearer d.e.f', 'malformed'],
  ['Bearer a.b.c,Bearer d.e.f', 'malformed'],
  ['Bearer a.b.c d.e.f', 'malformed'],
  ['Bearer a"b', 'malformed'],
  [`Bearer ${'a'.repeat(16 * 1024)}`, 'malformed'],
])('an Authorization of %j is %s', (authorization, kind) => {
  expect(kindOf(authorization)).toBe(kind);
});

it('takes no token from the query, and none beside one there', () => {
  expect(kindOf(undefined, { access_token: 'a.b.c' })).toBe('none');
  expect(kindOf('Bearer a.b.c', { access_token: 'a.b.c' })).toBe('malformed');
});
