import { expect, it } from 'vitest';
import { RetryBudget } from '../../../src/origin/retry-budget.ts';

it('a request is repeated once, or as often as its caller allows', () => {
  const usual = new RetryBudget();
  expect([usual.take(), usual.take(), usual.take()]).toEqual([true, false, false]);
  const none = new RetryBudget(0);
  expect(none.take()).toBe(false);
});
