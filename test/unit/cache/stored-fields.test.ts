// Which header fields of the origin are stored with an entry, in which form, and which of them are handed on.

import { expect, it } from 'vitest';
import { decodeFields, encodeFields, extrasOf, storableFields } from '../../../src/cache/stored-fields.ts';

const nowMs = Date.UTC(2026, 0, 1);
const date = new Date(nowMs).toUTCString();

it('those that are there for clients are handed on, those that decide over the lifetime are not', () => {
  const fields = { date, etag: '"e"', 'cache-control': 'max-age=1', 'retry-after': '1', link: '</a>' };
  expect(extrasOf(fields)).toEqual({ link: '</a>' });
});

it('come back from their stored form as they were, also where there are none', () => {
  const fields = { date, link: '</a:b>', 'content-language': '' };
  expect(decodeFields(encodeFields(fields) ?? '')).toEqual(fields);
  expect(encodeFields({})).toBeUndefined();
  expect(decodeFields('')).toEqual({});
});

it('what has no name in its stored form is no field', () => {
  expect(decodeFields('x\t:y\tlink:</a:b>')).toEqual({ link: '</a:b>' });
});

it('have a date in any case, and Retry-After only where the answer is one of trouble', () => {
  expect(storableFields({ 'retry-after': '1' }, 200, nowMs)).toEqual({ date });
  expect(storableFields({ 'retry-after': '1', date: 'never' }, 503, nowMs)).toEqual({
    date,
    'retry-after': '1',
  });
});

it('lose what is largest first, and of what decides nothing but what has no room', () => {
  const kept = storableFields(
    { link: 'x'.repeat(1500), 'x-small': 'y'.repeat(800), etag: '"e"' },
    200,
    nowMs,
  );
  expect(Object.keys(kept).toSorted()).toEqual(['date', 'etag', 'x-small']);
});
