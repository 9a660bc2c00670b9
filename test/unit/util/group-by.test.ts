import { expect, it } from 'vitest';
import { groupBy } from '../../../src/util/group-by.ts';

it('groups in the order in which groups and items come', () => {
  const groups = groupBy(['b1', 'a1', 'b2'], (item) => item[0]);
  expect([...groups]).toEqual([
    ['b', ['b1', 'b2']],
    ['a', ['a1']],
  ]);
});
