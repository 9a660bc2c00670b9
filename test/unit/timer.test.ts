import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { functionTimeoutMs } from '../../src/functions/timer.ts';

it('takes an invocation to last as long as host.json says', () => {
  const { functionTimeout } = JSON.parse(readFileSync('host.json', 'utf8')) as { functionTimeout: string };
  const told = functionTimeoutMs({ AzureFunctionsJobHost__functionTimeout: functionTimeout });
  expect(functionTimeoutMs({})).toBe(told);
  expect(functionTimeoutMs({ AzureFunctionsJobHost__functionTimeout: '01:02:03' })).toBe(3_723_000);
  expect(functionTimeoutMs({ AzureFunctionsJobHost__functionTimeout: '-1' })).toBe(told);
});
