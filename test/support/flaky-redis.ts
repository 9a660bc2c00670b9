// The Redis port over a real server, on connections that a test cuts, or lets hear nothing while they seem to be fine.

import { adminUser } from '../../local/redis-config.ts';
import type { RedisServer } from '../../local/redis-server.ts';
import { takeInReplies } from '../../src/redis/command-replies.ts';
import { newRedisClient } from '../../src/redis/new-client.ts';
import type { CallOptions, Redis, RedisClient, Tracker } from '../../src/redis/redis.ts';
import { AppError } from '../../src/util/errors.ts';
import { systemClock } from '../../src/util/clock.ts';
import { withDeadline } from '../../src/util/deadline.ts';
import { sleep } from './eventually.ts';

type Listener = (message: string) => void;

const retryMs = 20;

/** One connection, and the next one after each loss. */
class Link {
  readonly #open: () => RedisClient;
  readonly #onOpen: (client: RedisClient) => Promise<void>;
  current: RedisClient | undefined;
  #opened: Promise<void>;
  isClosed = false;

  constructor(open: () => RedisClient, onOpen: (client: RedisClient) => Promise<void> = async () => {}) {
    this.#open = open;
    this.#onOpen = onOpen;
    this.#opened = this.#connect(0);
  }

  get opened(): Promise<void> {
    return this.#opened;
  }

  /** @param awayMs how long there is none. */
  cut(awayMs: number, client = this.current): void {
    if (client === undefined || client !== this.current) return;
    this.current = undefined;
    client.destroy();
    if (!this.isClosed) this.#opened = this.#connect(awayMs);
  }

  close(): void {
    this.isClosed = true;
    this.cut(0);
  }

  async #connect(awayMs: number): Promise<void> {
    await sleep(awayMs);
    while (!this.isClosed) {
      const client = this.#open();
      takeInReplies(client, undefined);
      client.on('error', () => this.cut(0, client));
      try {
        await client.connect();
        await this.#onOpen(client);
        this.current = client;
        return;
      } catch {
        client.destroy();
        await sleep(retryMs);
      }
    }
  }
}

export class FlakyRedis {
  readonly #commands: Link;
  readonly #subscriptions: Link;
  readonly #listeners = new Map<string, Set<Listener>>();
  readonly #confirmed = new Map<string, RedisClient>();
  /** Nothing that is published is heard, and nobody is told. */
  isDeaf = false;

  constructor(server: RedisServer, password: string) {
    const open = (): RedisClient =>
      newRedisClient({
        username: adminUser,
        password,
        socket: { port: server.port, host: '127.0.0.1', reconnectStrategy: false },
      });
    this.#commands = new Link(open);
    this.#subscriptions = new Link(open, async (client) => {
      for (const channel of this.#listeners.keys()) await this.#listen(client, channel);
    });
  }

  cutCommands(awayMs: number): void {
    this.#commands.cut(awayMs);
  }

  cutSubscriptions(awayMs: number): void {
    this.#subscriptions.cut(awayMs);
  }

  cutAll(awayMs: number): void {
    this.cutCommands(awayMs);
    this.cutSubscriptions(awayMs);
  }

  async opened(): Promise<void> {
    await Promise.all([this.#commands.opened, this.#subscriptions.opened]);
  }

  close(): void {
    this.#commands.close();
    this.#subscriptions.close();
  }

  get port(): Redis {
    const parts: Pick<Redis, 'run' | 'runMany' | 'subscribe' | 'listening' | 'hearing' | 'tracking'> = {
      run: (work, options) => this.#run(work, options),
      runMany: async (keys, work, options) => {
        try {
          const values = await this.#run((client) => work(client, keys), options);
          return values.map((value) => ({ ok: true, value }));
        } catch (error) {
          return keys.map(() => ({ ok: false, error: error as AppError }));
        }
      },
      subscribe: (channel, listener) => this.#subscribe(channel, listener),
      listening: async (channel, deadlineAtMs) => {
        while (this.#hearing(channel) === undefined) {
          if (systemClock.nowMs() > deadlineAtMs)
            throw new AppError('redis-unavailable', 'Nothing is heard.');
          await sleep(2);
        }
      },
      hearing: (channel) => this.#hearing(channel),
      tracking: {
        listen: () => () => {},
        of: () => undefined,
        slotOf: () => 0,
        // That it is another one after each loss is all that is looked at.
        serving: () => this.#commands.current as unknown as Tracker | undefined,
      },
    };
    // Nothing that is tested so pings, starts or closes.
    return parts as unknown as Redis;
  }

  async #run<T>(
    work: (client: RedisClient) => Promise<T>,
    { deadlineAtMs, idempotent }: Omit<CallOptions, 'key'>,
  ): Promise<T> {
    const late = (): AppError => new AppError('deadline-exceeded', 'It took too long.');
    for (;;) {
      const link = this.#commands;
      if (link.current === undefined) await withDeadline(systemClock, deadlineAtMs, link.opened, late);
      const client = link.current;
      if (link.isClosed) throw new AppError('redis-unavailable', 'It has been closed.');
      if (client === undefined) continue;
      try {
        return await withDeadline(systemClock, deadlineAtMs, work(client), late);
      } catch (error) {
        if (error instanceof AppError) throw error;
        if (link.current === client) link.cut(0);
        if (!idempotent) throw new AppError('connection-lost', 'The connection was cut.', { cause: error });
      }
    }
  }

  #hearing(channel: string): object | undefined {
    const client = this.#confirmed.get(channel);
    return client !== undefined && client === this.#subscriptions.current ? client : undefined;
  }

  #subscribe(channel: string, listener: Listener): () => void {
    const listeners = this.#listeners.get(channel) ?? new Set();
    listeners.add(listener);
    this.#listeners.set(channel, listeners);
    const client = this.#subscriptions.current;
    if (client !== undefined) this.#listen(client, channel).catch(() => {});
    return () => {
      this.#listeners.delete(channel);
      this.#confirmed.delete(channel);
      this.#subscriptions.current?.unsubscribe(channel).catch(() => {});
    };
  }

  async #listen(client: RedisClient, channel: string): Promise<void> {
    const listeners = this.#listeners.get(channel) ?? new Set();
    await client.subscribe(channel, (message) => {
      if (!this.isDeaf) for (const listener of listeners) listener(message);
    });
    this.#confirmed.set(channel, client);
  }
}
