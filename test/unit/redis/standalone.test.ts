import { beforeEach, expect, it } from 'vitest';
import { SimpleError } from 'redis';
import type { RedisNode } from '../../../src/redis/node.ts';
import { withParsedReply } from '../../../src/redis/reply-error.ts';
import { StandaloneRedis } from '../../../src/redis/standalone.ts';
import type { AppEvent } from '../../../src/telemetry/events.ts';
import { AppError } from '../../../src/util/errors.ts';
import { ClientTracking } from '../../../src/redis/tracking.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const call = { key: 'k', deadlineAtMs: 1000, idempotent: true };
let events: AppEvent[];
let calls: number;
let outcome: () => Promise<unknown>;
let redis: StandaloneRedis;

beforeEach(() => {
  events = [];
  calls = 0;
  const node = {
    run: (_work: unknown, _options: unknown, onFailure: (error: unknown) => never) => {
      calls += 1;
      return outcome().catch(onFailure);
    },
    status: () => ({ state: 'ready', lastFailure: undefined }),
  };
  redis = new StandaloneRedis({
    node: node as unknown as RedisNode,
    emit: (event) => events.push(event),
    tracking: new ClientTracking({ clock: new FakeClock(), emit: () => {} }),
    policy: 'NoCluster',
  });
});

const failWith = (error: unknown) => async (): Promise<never> => {
  throw error;
};
const get = (): Promise<unknown> => redis.run((client) => client.get('k'), call);
const getMany = (): Promise<readonly unknown[]> =>
  redis.runMany(['a', 'b'], (client, keys) => Promise.all(keys.map((key) => client.get(key))), call);

it('answers and failures are those of its node', async () => {
  outcome = () => Promise.resolve('value');
  expect(await get()).toBe('value');
  const error = new AppError('deadline-exceeded', 'late');
  outcome = failWith(error);
  await expect(get()).rejects.toBe(error);
  const bug = new TypeError('a bug');
  outcome = failWith(bug);
  await expect(get()).rejects.toBe(bug);
  await expect(getMany()).rejects.toBe(bug);
});

it('of many keys each has its own outcome', async () => {
  outcome = () => Promise.resolve(['1', null]);
  expect(await getMany()).toEqual([
    { ok: true, value: '1' },
    { ok: true, value: null },
  ]);
  const error = new AppError('connection-lost', 'lost');
  outcome = failWith(error);
  expect(await getMany()).toEqual([
    { ok: false, error },
    { ok: false, error },
  ]);
});

it('a cache that redirects is a cluster: the setting is named once, and nothing is served by luck', async () => {
  outcome = failWith(withParsedReply(new SimpleError('MOVED 1 10.0.0.1:1')));
  await expect(get()).rejects.toMatchObject({ code: 'settings-invalid' });
  outcome = () => Promise.resolve('by luck');
  await expect(get()).rejects.toMatchObject({ code: 'settings-invalid' });
  await expect(redis.ping(1000)).rejects.toMatchObject({ code: 'settings-invalid' });
  expect(calls).toBe(1);
  expect(events).toMatchObject([{ type: 'clusteringPolicyWrong' }]);
  expect(redis.status().lastFailure).toContain('REDIS_CLUSTERING_POLICY is NoCluster');
});
