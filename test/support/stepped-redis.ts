// The Redis port over a real server, one command after the other, in the order that a test chooses: every
// interleaving of what several instances do can be tried.

import { adminUser } from '../../local/redis-config.ts';
import type { RedisServer } from '../../local/redis-server.ts';
import { newRedisClient } from '../../src/redis/new-client.ts';
import type { CallOptions, KeyOutcome, Redis, RedisClient } from '../../src/redis/redis.ts';
import { settle } from './fake-clock.ts';

export class SteppedRedis implements AsyncDisposable {
  readonly #client: RedisClient;
  readonly #waiting: (() => Promise<void>)[] = [];

  private constructor(client: RedisClient) {
    this.#client = client;
  }

  static async connect(server: RedisServer, password: string): Promise<SteppedRedis> {
    const socket = { port: server.port, host: '127.0.0.1' };
    const client = newRedisClient({ socket, username: adminUser, password });
    await client.connect();
    return new SteppedRedis(client);
  }

  /** Commands that have been issued and wait for their turn. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Lets one of them through, to its answer and what follows from it at once. */
  async step(choice: number): Promise<void> {
    const [command] = this.#waiting.splice(choice % Math.max(this.#waiting.length, 1), 1);
    await command?.();
    await settle();
  }

  /** What the app sees. */
  get port(): Redis {
    const run = <T>(work: (client: RedisClient) => Promise<T>): Promise<T> =>
      new Promise((resolve, reject) => {
        this.#waiting.push(async () => {
          await work(this.#client).then(resolve, reject);
        });
      });
    const runMany = async <T>(
      keys: readonly string[],
      work: (client: RedisClient, keys: readonly string[]) => Promise<readonly T[]>,
    ): Promise<readonly KeyOutcome<T>[]> => {
      const values = await run((client) => work(client, keys));
      return values.map((value) => ({ ok: true, value }));
    };
    const parts: Pick<Redis, 'runMany'> & {
      run<T>(work: Parameters<typeof run<T>>[0], options: CallOptions): Promise<T>;
    } = { run, runMany };
    // Nothing that is tested so subscribes, pings or closes.
    return parts as unknown as Redis;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await (this.#client as unknown as { close(): Promise<void> }).close();
  }
}
