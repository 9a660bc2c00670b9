// Operations as a listener sees them: begin, end, error, and inside which other.

import { AsyncLocalStorage } from 'node:async_hooks';
import { expect, onTestFinished, test } from 'vitest';
import { onOperations, operation, type Operation } from '../../../src/telemetry/operations.ts';

const fails = new Error('fails');

/** What is heard until the test ends. */
function heard(): string[] {
  const lines: string[] = [];
  onTestFinished(
    onOperations({
      begun: (own) => void lines.push(`begun ${own.type}`),
      ended: (own) => void lines.push(`ended ${own.type}${own.error === undefined ? '' : ' with an error'}`),
    }),
  );
  return lines;
}

const read = () => ({ keys: 1 });

test('nothing is made where nobody listens', () => {
  const result = operation(
    'cacheRead',
    () => {
      throw fails;
    },
    (own) => [own],
  );
  expect(result).toEqual([undefined]);
});

test('work that ends at once is begun and ended, and its result is its own', () => {
  const lines = heard();
  const result = operation('cacheRead', read, (own) => {
    lines.push(`working on ${own?.keys} key`);
    return 'result';
  });
  expect(result).toBe('result');
  expect(lines).toEqual(['begun cacheRead', 'working on 1 key', 'ended cacheRead']);
});

test('work that throws at once ends with its error', () => {
  const lines = heard();
  const throwing = (): never => {
    throw fails;
  };
  expect(() => operation('tokenRequest', () => ({}), throwing)).toThrow(fails);
  expect(lines).toEqual(['begun tokenRequest', 'ended tokenRequest with an error']);
});

test('work that goes on ends once, when its promise settles', async () => {
  const lines = heard();
  let settle: (value: string) => void = () => {};
  const result = operation(
    'cacheRead',
    read,
    async () => new Promise<string>((resolve) => (settle = resolve)),
  );
  expect(lines).toEqual(['begun cacheRead']);
  settle('later');
  expect(await result).toBe('later');
  expect(lines).toEqual(['begun cacheRead', 'ended cacheRead']);
});

test('work that rejects ends with its error, which its caller gets as it is', async () => {
  const lines = heard();
  const result = operation(
    'cacheWrite',
    () => ({ change: 'write' }),
    async () => Promise.reject(fails),
  );
  await expect(result).rejects.toBe(fails);
  expect(lines).toEqual(['begun cacheWrite', 'ended cacheWrite with an error']);
});

test('a listener runs the work in a context of its own, in which others begin', async () => {
  const current = new AsyncLocalStorage<Operation>();
  const parents: string[] = [];
  const begun = (own: Operation): void => {
    parents.push(`${own.type} in ${current.getStore()?.type}`);
    own.within = (work) => current.run(own, work);
  };
  onTestFinished(onOperations({ begun, ended: () => {} }));
  await operation('cacheRead', read, async () => {
    await operation(
      'lockWait',
      () => ({}),
      async () => Promise.resolve(),
    );
    await operation(
      'originLoad',
      () => ({ source: 'factory', why: 'load' }),
      async () => Promise.resolve(),
    );
  });
  await operation('cacheRead', read, async () => Promise.resolve());
  expect(parents).toEqual([
    'cacheRead in undefined',
    'lockWait in cacheRead',
    'originLoad in cacheRead',
    'cacheRead in undefined',
  ]);
});

test('what the work says of itself is there when it has ended', async () => {
  const results: unknown[] = [];
  onTestFinished(
    onOperations({
      begun: () => {},
      ended: (own) => void results.push(own.type === 'cacheRead' && own.result),
    }),
  );
  await operation('cacheRead', read, async (own) => {
    await Promise.resolve();
    if (own !== undefined) own.result = 'redisHit';
  });
  expect(results).toEqual(['redisHit']);
});

test('a listener that throws harms neither the work nor the next listener', async () => {
  const throwing = (): never => {
    throw fails;
  };
  onTestFinished(onOperations({ begun: throwing, ended: throwing }));
  const lines = heard();
  expect(await operation('cacheRead', read, async () => 'result')).toBe('result');
  expect(lines).toEqual(['begun cacheRead', 'ended cacheRead']);
});

test('who has stopped listening hears nothing more', async () => {
  const lines: string[] = [];
  const stop = onOperations({
    begun: () => void lines.push('begun'),
    ended: () => void lines.push('ended'),
  });
  const result = operation('cacheRead', read, async () => 'result');
  stop();
  await result;
  expect(lines).toEqual(['begun']);
});
