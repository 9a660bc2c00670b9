import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { functionTimeoutMs } from '../../../src/config/function-timeout.ts';

it('takes an invocation to last as long as host.json says', () => {
  const { functionTimeout } = JSON.parse(readFileSync('host.json', 'utf8')) as { functionTimeout: string };
  const told = functionTimeoutMs({ AzureFunctionsJobHost__functionTimeout: functionTimeout });
  expect(functionTimeoutMs({})).toBe(told);
  expect(functionTimeoutMs({ AzureFunctionsJobHost__functionTimeout: '01:02:03' })).toBe(3_723_000);
  expect(functionTimeoutMs({ AzureFunctionsJobHost__functionTimeout: '-1' })).toBe(told);
});

it.each([
  ['0:01:00', 60_000],
  ['00:10', 600_000],
  ['1:2:3', 3_723_000],
  ['23:59:59', 86_399_000],
  ['1', 86_400_000],
  ['1.00:00:00', 86_400_000],
  ['1:00:00:00', 86_400_000],
  ['0.01:00', 3_600_000],
  ['00:00:30.5', 30_500],
  [' 00:01:00 ', 60_000],
  ['24:00:00', 300_000],
  ['00:60:00', 300_000],
  ['1:2:3:4:5', 300_000],
  ['soon', 300_000],
  ['', 300_000],
  ['-00:01:00', 300_000],
])('reads the TimeSpan %j as the host does', (text, ms) => {
  expect(functionTimeoutMs({ AzureFunctionsJobHost__functionTimeout: text })).toBe(ms);
});
