// Whatever loads, renewals and warmups of several instances are under way, what a client wrote stays, and what a
// client removed stays removed: the real scripts on a real server, in random interleavings, against a model.

import { afterAll, beforeAll, it } from 'vitest';
import { startRedisServer, type RedisServer } from '../../local/redis-server.ts';
import { lockKeys } from '../../src/cache/lock-keys.ts';
import { RedisLocks } from '../../src/cache/redis-locks.ts';
import { RedisTier } from '../../src/cache/redis-tier.ts';
import { SteppedRedis } from '../support/stepped-redis.ts';
import { entryName, maxValueBytes, namespace } from '../support/stepped-server.ts';
import { expectWritesToStay } from '../support/expect-writes-to-stay.ts';

const password = 'of the test only';
const parts: { server?: RedisServer; redis?: SteppedRedis } = {};

beforeAll(async () => {
  parts.server = await startRedisServer({ password });
  parts.redis = await SteppedRedis.connect(parts.server, password);
});
afterAll(async () => {
  await parts.redis?.[Symbol.asyncDispose]();
  await parts.server?.stop();
});

it('what a client wrote stays until a client changes it, and what a client removed does not come back', async () => {
  const { server, redis } = parts;
  if (server === undefined || redis === undefined) throw new Error('The server has not started.');
  await expectWritesToStay(200, async () => {
    await server.admin('FLUSHALL');
    return {
      waiting: () => redis.waiting,
      step: async (choice) => redis.step(choice),
      async stored() {
        const stored = await server.adminRaw('GET', entryName);
        return Buffer.isBuffer(stored) ? stored : undefined;
      },
      async expireLock() {
        await server.admin('DEL', lockKeys(namespace, { kind: 'load', name: entryName }).lock);
      },
      parts: (clock, budget) => ({
        tier: new RedisTier({ redis: redis.port, budget, maxValueBytes, emit() {} }),
        locks: new RedisLocks(redis.port, clock, namespace),
        redis: redis.port,
      }),
    };
  });
});
