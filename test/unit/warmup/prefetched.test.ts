import { expect, it } from 'vitest';
import { prefetched } from '../../../src/warmup/prefetched.ts';
import { settle } from '../../support/fake-clock.ts';

async function* counting(until: number, log: string[], failsAt = until): AsyncGenerator<number> {
  try {
    for (let item = 0; item < until; item += 1) {
      log.push(`asked ${item}`);
      if (item === failsAt) throw new Error('It failed.');
      yield item;
    }
  } finally {
    log.push('ended');
  }
}

async function takeAll(items: AsyncIterable<number>, log: string[], stopAt = Infinity): Promise<void> {
  for await (const item of items) {
    await settle();
    log.push(`took ${item}`);
    if (item === stopAt) break;
  }
}

it('asks for the next item before the one before it is done', async () => {
  const log: string[] = [];
  await takeAll(prefetched(counting(3, log)), log);
  expect(log).toEqual(['asked 0', 'asked 1', 'took 0', 'asked 2', 'took 1', 'ended', 'took 2']);
});

it('ends the sequence where no more is wanted', async () => {
  const log: string[] = [];
  await takeAll(prefetched(counting(9, log)), log, 0);
  expect(log).toEqual(['asked 0', 'asked 1', 'took 0', 'ended']);
});

it('hands out what came before a failure, and then the failure', async () => {
  const log: string[] = [];
  await expect(takeAll(prefetched(counting(9, log, 1)), log)).rejects.toThrow('It failed.');
  expect(log).toEqual(['asked 0', 'asked 1', 'ended', 'took 0']);
});

it('takes sequences that cannot be ended', async () => {
  const log: string[] = [];
  let item = 0;
  const endless = { [Symbol.asyncIterator]: () => ({ next: async () => ({ value: (item += 1) }) }) };
  await takeAll(prefetched(endless), log, 2);
  expect(log).toEqual(['took 1', 'took 2']);
});
