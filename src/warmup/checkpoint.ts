// Where a run stopped before the end of the warm set: in Redis, so that the next one continues there on any instance.
// Without it the next run begins at the start.

import { createHash } from 'node:crypto';
import { ownName } from '../redis/own-name.ts';
import type { Redis } from '../redis/redis.ts';

const expireAfterSeconds = 24 * 3600;

export class Checkpoint {
  readonly #redis: Pick<Redis, 'run'>;
  readonly #key: string;

  /** @param scope which warm set it is in: that of one origin and prefix. */
  constructor(redis: Pick<Redis, 'run'>, namespace: string, scope: string) {
    this.#redis = redis;
    this.#key = ownName(namespace, `warmup:${createHash('sha1').update(scope).digest('hex')}`);
  }

  /** @throws AppError when Redis cannot be asked. */
  async read(deadlineAtMs: number): Promise<string | undefined> {
    const key = this.#key;
    const options = { key, deadlineAtMs, idempotent: true };
    return (await this.#redis.run((client) => client.get(key), options)) ?? undefined;
  }

  /**
   * @param token undefined when the end was reached.
   * @throws AppError when Redis cannot be asked.
   */
  async write(token: string | undefined, deadlineAtMs: number): Promise<void> {
    const key = this.#key;
    const expiration = { type: 'EX', value: expireAfterSeconds } as const;
    await this.#redis.run(
      async (client) => (token === undefined ? client.del(key) : client.set(key, token, { expiration })),
      { key, deadlineAtMs, idempotent: true },
    );
  }
}
