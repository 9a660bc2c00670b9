// The Redis port with another way to run commands, for tests of what a client in trouble does to the parts above it.

import type { CallOptions, Redis } from '../../src/redis/redis.ts';
import type { RedisClient } from '../../src/redis/connection.ts';

/** Decides what becomes of a call; `call` runs it. */
export type Interception = <T>(call: () => Promise<T>) => Promise<T>;

export function intercepted(redis: Redis, intercept: Interception): Redis {
  return {
    run: <T>(work: (client: RedisClient) => Promise<T>, options: CallOptions) =>
      intercept(() => redis.run(work, options)),
    runMany: (keys, work, options) => redis.runMany(keys, work, options),
    ping: (deadlineAtMs) => redis.ping(deadlineAtMs),
    status: () => redis.status(),
    settled: () => redis.settled(),
    subscribe: (channel, listener) => redis.subscribe(channel, listener),
    listening: (channel, deadlineAtMs) => redis.listening(channel, deadlineAtMs),
    start: () => redis.start(),
    close: () => redis.close(),
  };
}
