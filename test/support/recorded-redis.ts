// The part of the Redis port that the fleet uses, with answers by command: for what becomes of odd ones.

import type { CallOptions, Redis, RedisClient } from '../../src/redis/redis.ts';

type Answers = Readonly<Record<string, (...parameters: never[]) => unknown>>;

/** @param answers by the name of the client's method; a command without one fails the test. */
export function recordedRedis(answers: Answers): Pick<Redis, 'run' | 'subscribe' | 'listening'> & {
  readonly calls: readonly CallOptions[];
  readonly channels: ReadonlyMap<string, (message: string) => void>;
} {
  const calls: CallOptions[] = [];
  const channels = new Map<string, (message: string) => void>();
  return {
    calls,
    channels,
    async run(work, options) {
      calls.push(options);
      return work(answers as unknown as RedisClient);
    },
    subscribe(channel, listener) {
      channels.set(channel, listener);
      return () => void channels.delete(channel);
    },
    listening: async () => {},
  };
}
