// One Redis server: a connection for commands and, where something is listened to, another that hears it.

import { delay } from '../util/clock.ts';
import { withDeadline } from '../util/deadline.ts';
import { AppError } from '../util/errors.ts';
import { Semaphore, type Permit } from '../util/semaphore.ts';
import type { ConnectionOptions, RedisClient } from './connection.ts';
import { ConnectionKeeper, type ConnectionDeps } from './connection-keeper.ts';
import type { Outage } from './outage.ts';
import { subscriberDelayMs } from './reconnect-policy.ts';
import type { CallOptions, RedisStatus } from './redis.ts';
import { Refusals } from './refusals.ts';
import { Subscriptions } from './subscriptions.ts';

export interface RedisNodeOptions extends ConnectionDeps {
  readonly connection: ConnectionOptions;
}

/** What a call of one node needs: which node has been decided. */
export type NodeCall = Omit<CallOptions, 'key'>;

// More than one connection, because a failover may cut the second one as well; no more than two, because a read whose
// answer is what ends them would end those of everybody else.
const mostLosses = 2;
// What was lost together is not all asked for again together.
const repeatsAtOnce = 8;
const retireGraceMs = 5000;

export class RedisNode {
  readonly #options: RedisNodeOptions;
  readonly #counts = { reauthenticated: 0, reauthenticationsFailed: 0 };
  readonly #commands: ConnectionKeeper;
  readonly #subscriptions: Subscriptions;
  readonly #refusals: Refusals;
  readonly #repeats = new Semaphore(repeatsAtOnce);
  /** Lives while something is listened to. */
  #subscriber: ConnectionKeeper | undefined;

  constructor(options: RedisNodeOptions) {
    this.#options = options;
    this.#commands = new ConnectionKeeper({ ...options, purpose: 'commands', counts: this.#counts });
    this.#subscriptions = new Subscriptions(options.clock);
    const { connection, clock, emit } = options;
    this.#refusals = new Refusals({ clock, emit, address: `${connection.hostname}:${connection.port}` });
  }

  /** Its name or address, as it is connected to. */
  get hostname(): string {
    return this.#options.connection.hostname;
  }

  start(): void {
    this.#commands.start();
  }

  async run<T>(work: (client: RedisClient) => Promise<T>, options: NodeCall): Promise<T> {
    const watched = (client: RedisClient): Promise<T> => work(this.#refusals.watch(client));
    let losses = 0;
    let rejections = 0;
    let repeating: Permit | undefined;
    try {
      for (;;) {
        const connection = await this.#commands.connected(options.deadlineAtMs);
        const askedAtMs = this.#options.clock.nowMs();
        try {
          return await connection.run(watched, options);
        } catch (error) {
          if (!(error instanceof AppError)) throw error;
          if (error.code === 'redis-rejected-identity') {
            await this.#commands.restore(connection, options.deadlineAtMs);
            rejections += 1;
          } else if (error.code !== 'connection-lost') {
            throw error;
          } else if (!connection.isBlameless(askedAtMs)) {
            losses += 1;
          }
          if (!options.idempotent || losses >= mostLosses || rejections > 1) throw error;
          repeating ??= await this.#mayRepeat(options.deadlineAtMs, error);
        }
      }
    } finally {
      repeating?.release();
    }
  }

  async ping(deadlineAtMs: number): Promise<void> {
    await this.run((client) => client.ping(), { deadlineAtMs, idempotent: true });
  }

  status(): RedisStatus {
    const keepers = this.#subscriber === undefined ? [this.#commands] : [this.#commands, this.#subscriber];
    return {
      state: this.#commands.state,
      connections: keepers.filter(({ state }) => state === 'ready').length,
      lastFailure: this.#commands.lastFailure?.message,
      ...this.#counts,
    };
  }

  async settled(): Promise<void> {
    await Promise.all([this.#commands.settled(), this.#subscriber?.settled()]);
  }

  subscribe(channel: string, listener: (message: string) => void): () => void {
    const stop = this.#subscriptions.add(channel, listener);
    if (this.#commands.state !== 'closed') this.#subscriber ??= this.#newSubscriber();
    return () => {
      stop();
      if (this.#subscriptions.isEmpty) void this.#leaveSubscriber();
    };
  }

  /** Resolves when a message that is published from now on is heard. */
  async listening(channel: string, deadlineAtMs: number): Promise<void> {
    await this.#subscriptions.listening(channel, deadlineAtMs);
  }

  async close(): Promise<void> {
    await Promise.all([this.#leaveSubscriber(), this.#commands.close()]);
  }

  /** As `close`, but goes on listening while somebody moves to another node. */
  async retire(): Promise<void> {
    const grace = delay(this.#options.clock, retireGraceMs);
    await Promise.all([this.#commands.close(), Promise.race([this.#subscriptions.whenEmpty(), grace])]);
    await this.close();
  }

  #newSubscriber(): ConnectionKeeper {
    const { clock, random } = this.#options;
    const subscriber = new ConnectionKeeper({
      ...this.#options,
      purpose: 'subscriptions',
      counts: this.#counts,
      // While the server is away one connection of an instance knocks at it, not two.
      before: async ({ kind }: Outage) => {
        do {
          await this.#commands.whenReady();
          await delay(clock, subscriberDelayMs(kind, random()));
        } while (this.#commands.state !== 'ready');
      },
      onReady: (connection) => this.#subscriptions.moveTo(connection),
    });
    subscriber.start();
    return subscriber;
  }

  async #leaveSubscriber(): Promise<void> {
    const subscriber = this.#subscriber;
    this.#subscriber = undefined;
    this.#subscriptions.leave();
    await subscriber?.close();
  }

  async #mayRepeat(deadlineAtMs: number, error: AppError): Promise<Permit> {
    const permit = this.#repeats.acquire(1);
    try {
      await withDeadline(this.#options.clock, deadlineAtMs, permit.granted, () => error);
      return permit;
    } catch (late) {
      permit.release();
      throw late;
    }
  }
}
