import { expect, it } from 'vitest';
import { readRetryAfter } from '../../../src/origin/retry-after.ts';

const nowMs = Date.UTC(2026, 0, 1);

it.each([
  ['120', 120],
  ['0', 0],
  ['99999', 3600],
  ['Thu, 01 Jan 2026 00:01:00 GMT', 60],
  ['Wed, 31 Dec 2025 00:00:00 GMT', 0],
  ['Fri, 02 Jan 2026 00:00:00 GMT', 3600],
  ['soon', undefined],
  ['-5', undefined],
  [undefined, undefined],
])('Retry-After %j is %j seconds', (field, seconds) => {
  expect(readRetryAfter(field, nowMs)).toBe(seconds);
});
