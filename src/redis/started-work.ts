// Begins work on a client so that however it fails, it is a rejection.

import type { RedisClient } from './handshake.ts';

/** What `work` throws at once is a rejection like any other, and what it returns at once a result. */
export function started<T>(work: (client: RedisClient) => Promise<T>, client: RedisClient): Promise<T> {
  try {
    return Promise.resolve(work(client));
  } catch (error) {
    return Promise.reject(error);
  }
}
