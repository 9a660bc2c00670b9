// Where a run that did not reach the end of the warm set stopped, kept in Redis for the next one, on whatever
// instance. Advisory: losing it means that the next run begins at the start.

import { createHash } from 'node:crypto';
import { ownName } from '../redis/own-name.ts';
import type { Redis } from '../redis/redis.ts';

const keptSeconds = 24 * 3600;

export class Checkpoint {
  readonly #redis: Redis;
  readonly #key: string;

  /** @param scope what is warmed: a checkpoint is good for the same origin and prefix only. */
  constructor(redis: Redis, namespace: string, scope: string) {
    this.#redis = redis;
    this.#key = ownName(namespace, `warmup:${createHash('sha1').update(scope).digest('hex')}`);
  }

  /** @throws AppError when Redis cannot be asked. */
  async read(deadlineAtMs: number): Promise<string | undefined> {
    const key = this.#key;
    return (
      (await this.#redis.run((client) => client.get(key), { key, deadlineAtMs, idempotent: true })) ??
      undefined
    );
  }

  /** @param token undefined: the end was reached. */
  async write(token: string | undefined, deadlineAtMs: number): Promise<void> {
    const key = this.#key;
    const expiration = { type: 'EX', value: keptSeconds } as const;
    await this.#redis.run(
      async (client) => (token === undefined ? client.del(key) : client.set(key, token, { expiration })),
      { key, deadlineAtMs, idempotent: true },
    );
  }
}
