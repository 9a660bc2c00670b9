import { expect, it } from 'vitest';
import { zip } from '../../../src/util/zip.ts';

it('pairs two lists, and refuses one that is too short or too long', () => {
  expect(zip(['a', 'b'], [1, 2])).toEqual([
    ['a', 1],
    ['b', 2],
  ]);
  expect(() => zip(['a', 'b'], [1])).toThrow('Expected 2 results and got 1.');
  expect(() => zip(['a'], [1, 2])).toThrow(TypeError);
});
