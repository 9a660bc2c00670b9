import { expect, it } from 'vitest';
import type { RedisNode } from '../../../src/redis/node.ts';
import { withParsedReply } from '../../../src/redis/reply-error.ts';
import { askForSlotTable, type Source } from '../../../src/redis/slot-table.ts';
import { AppError } from '../../../src/util/errors.ts';
import { SimpleError } from 'redis';
import { FakeClock } from '../../support/fake-clock.ts';

const clock = new FakeClock();
const address = { host: 'cache', port: 10_000 };
const table = [[0, 16_383, ['node', 7000]]];

function source(answer: () => Promise<unknown>): Source {
  return { address, node: { run: answer } as unknown as RedisNode };
}
const down = (): Promise<never> => Promise.reject(new AppError('redis-unavailable', 'down'));
const unused = (): Source => {
  throw new Error('The seed node is not asked.');
};

it('the first node that answers is enough', async () => {
  const nodes = [source(down), source(() => new Promise(() => {})), source(() => Promise.resolve(table))];
  const slots = await askForSlotTable(nodes, unused, clock);
  expect(slots[0]).toEqual({ host: 'node', port: 7000 });
});

it('the seed node is asked where there is no other, or none that answers', async () => {
  const seed = (): Source => source(() => Promise.resolve(table));
  expect(await askForSlotTable([], seed, clock)).toHaveLength(16_384);
  expect(await askForSlotTable([source(down)], seed, clock)).toHaveLength(16_384);
});

it('what stands in the way is told', async () => {
  await expect(askForSlotTable([source(down)], () => source(down), clock)).rejects.toThrow('down');
});

it('a cache that knows no CLUSTER SLOTS is no cluster: the setting is wrong', async () => {
  const refused = withParsedReply(new SimpleError('ERR This instance has cluster support disabled'));
  const seed = (): Source => source(() => Promise.reject(refused));
  await expect(askForSlotTable([], seed, clock)).rejects.toMatchObject({ code: 'settings-invalid' });
});

it('a cluster whose nodes hold no slots yet is unavailable', async () => {
  const seed = (): Source => source(() => Promise.resolve([]));
  await expect(askForSlotTable([], seed, clock)).rejects.toMatchObject({ code: 'redis-unavailable' });
});
