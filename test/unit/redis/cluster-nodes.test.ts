import { expect, it } from 'vitest';
import { AppError } from '../../../src/util/errors.ts';
import { ClusterNodes } from '../../../src/redis/cluster-nodes.ts';
import type { RedisNode } from '../../../src/redis/node.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';

it('closed while it asks for the slots it makes no connection that nobody would close', async () => {
  const clock = new FakeClock();
  const open = new Set<string>();
  const table = [[0, 16_383, ['node', 7000]]];
  let answers = 1;
  const newNode = ({ host }: { readonly host: string }): RedisNode => {
    const closing = Promise.withResolvers<never>();
    closing.promise.catch(() => {});
    const leave = (): Promise<void> => {
      open.delete(host);
      closing.reject(new AppError('stopped', 'closed'));
      return Promise.resolve();
    };
    const scripted = {
      hostname: host,
      start: () => open.add(host),
      status: () => ({ state: 'ready', connections: 1, reauthenticated: 0, reauthenticationsFailed: 0 }),
      run: () => ((answers -= 1) >= 0 ? Promise.resolve(table) : closing.promise),
      close: leave,
      retire: leave,
    };
    return scripted as unknown as RedisNode;
  };
  const endpoint = { host: 'endpoint', port: 10_000 };
  const nodes = new ClusterNodes({ newNode, endpoint, clock, random: () => 0, emit: () => {} });
  nodes.start();
  await clock.advance(1000);
  await nodes.known(clock.nowMs() + 1000);
  expect([...open]).toEqual(['node']);
  nodes.refreshSoon();
  await clock.advance(100);
  await nodes.close();
  await settle();
  expect([...open]).toEqual([]);
});
