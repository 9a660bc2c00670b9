import { expect, it } from 'vitest';
import { deferred } from '../../../src/util/deferred.ts';

it('is settled from outside, once', async () => {
  const { promise, resolve, reject } = deferred<number>();
  resolve(1);
  resolve(2);
  reject(new Error('late'));
  expect(await promise).toBe(1);
});

it('is rejected from outside, and follows a promise that it is resolved with', async () => {
  const rejected = deferred<number>();
  rejected.reject(new Error('no'));
  await expect(rejected.promise).rejects.toThrow('no');
  const following = deferred<string>();
  following.resolve(Promise.resolve('other'));
  expect(await following.promise).toBe('other');
});
