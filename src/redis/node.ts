// One Redis server: a connection for commands and, where something is listened to, another that hears it.

import { delay } from '../util/clock.ts';
import { fulfilledWithin, withDeadline } from '../util/deadline.ts';
import { AppError } from '../util/errors.ts';
import { Semaphore, type Permit } from '../util/semaphore.ts';
import type { Connection } from './connection.ts';
import { ConnectionKeeper } from './connection-keeper.ts';
import type { ConnectionDeps } from './connection-keeper-options.ts';
import { ConnectionLostError } from './connection-lost.ts';
import type { ConnectionOptions, RedisClient } from './handshake.ts';
import type { Outage } from './outage.ts';
import { subscriberDelayMs } from './reconnect-policy.ts';
import type { CallOptions, RedisStatus } from './redis.ts';
import { Refusals } from './refusals.ts';
import { Subscriptions } from './subscriptions.ts';
import type { Tracker } from './tracker.ts';
import type { ClientTracking } from './tracking.ts';

export interface RedisNodeOptions extends ConnectionDeps {
  readonly connection: ConnectionOptions;
  readonly tracking?: ClientTracking | undefined;
}

/** What a call of one node needs: which node has been decided. */
export type NodeCall = Omit<CallOptions, 'key'>;

type Work<T> = (client: RedisClient) => Promise<T>;

/** A command that failed on a connection. */
interface Failure {
  readonly connection: Connection;
  readonly error: unknown;
}

interface Attempts {
  /** Connections that were lost with the command. */
  losses: number;
  /** Times that Redis asked who this is. */
  rejections: number;
}

// More than one connection, because a failover may cut the second one as well; no more than two, because a read whose
// answer is what ends them would end those of everybody else.
const mostLosses = 2;
// Commands that were lost together are not all sent again together.
const repeatsAtOnce = 8;
const retireGraceMs = 5000;

export class RedisNode {
  readonly #options: RedisNodeOptions;
  readonly #counts = { reauthenticated: 0, reauthenticationsFailed: 0 };
  readonly #commands: ConnectionKeeper;
  readonly #subscriptions: Subscriptions;
  readonly #repeats = new Semaphore(repeatsAtOnce);
  /** Lives while something is listened to. */
  #subscriber: ConnectionKeeper | undefined;

  constructor(options: RedisNodeOptions) {
    this.#options = options;
    const { connection, clock, emit } = options;
    const address = `${connection.hostname}:${connection.port}`;
    this.#commands = new ConnectionKeeper({
      ...options,
      purpose: 'commands',
      counts: this.#counts,
      observer: new Refusals({ clock, emit, address }),
    });
    this.#subscriptions = new Subscriptions(clock);
  }

  /** Its name or address, as it is connected to. */
  get hostname(): string {
    return this.#options.connection.hostname;
  }

  /** Of the connection for commands. */
  get tracker(): Tracker | undefined {
    return this.#commands.tracker;
  }

  start(): void {
    this.#commands.start();
  }

  /** @param onFailure throws what a failure is to be told as. */
  run<T>(work: Work<T>, options: NodeCall, onFailure?: (error: unknown) => never): Promise<T> {
    const retried = (first?: Failure): Promise<T> => {
      const outcome = this.#runWithRetries(work, options, first);
      return onFailure === undefined ? outcome : outcome.catch(onFailure);
    };
    const connection = this.#commands.current;
    // The usual way of a command: no promise and no timer but the connection's own.
    return connection === undefined
      ? retried()
      : connection.run(work, options, (error) => retried({ connection, error }));
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

  /** The connection that the channel is heard on now. */
  hearing(channel: string): object | undefined {
    return this.#subscriptions.hearing(channel);
  }

  async close(): Promise<void> {
    await Promise.all([this.#leaveSubscriber(), this.#commands.close()]);
  }

  /** As `close`, but goes on listening while somebody moves to another node. */
  async retire(): Promise<void> {
    const { clock } = this.#options;
    const moved = fulfilledWithin(clock, retireGraceMs, this.#subscriptions.whenEmpty());
    await Promise.all([this.#commands.close(), moved]);
    await this.close();
  }

  async #runWithRetries<T>(work: Work<T>, options: NodeCall, first?: Failure): Promise<T> {
    const attempts = { losses: 0, rejections: 0 };
    let permit: Permit | undefined;
    let failure = first;
    try {
      for (;;) {
        if (failure !== undefined) {
          await this.#recover(failure, options, attempts);
          permit ??= await this.#repeatPermit(options.deadlineAtMs, failure.error);
        }
        const connection = await this.#commands.connected(options.deadlineAtMs);
        try {
          return await connection.run(work, options);
        } catch (error) {
          failure = { connection, error };
        }
      }
    } finally {
      permit?.release();
    }
  }

  /** @throws the failure, where the command is not to be run again. */
  async #recover(
    { connection, error }: Failure,
    { deadlineAtMs, idempotent }: NodeCall,
    attempts: Attempts,
  ): Promise<void> {
    if (!(error instanceof AppError)) throw error;
    if (error.code === 'redis-rejected-identity') {
      await this.#commands.restore(connection, deadlineAtMs);
      attempts.rejections += 1;
    } else if (error.code === 'connection-lost') {
      if (!(error instanceof ConnectionLostError) || error.isSuspect) attempts.losses += 1;
    } else {
      throw error;
    }
    if (!idempotent || attempts.losses >= mostLosses || attempts.rejections > 1) throw error;
  }

  async #repeatPermit(deadlineAtMs: number, error: unknown): Promise<Permit> {
    const permit = this.#repeats.acquire(1);
    try {
      await withDeadline(this.#options.clock, deadlineAtMs, permit.granted, () => error as AppError);
      return permit;
    } catch (late) {
      permit.release();
      throw late;
    }
  }

  #newSubscriber(): ConnectionKeeper {
    const { clock, random } = this.#options;
    const subscriber = new ConnectionKeeper({
      ...this.#options,
      tracking: undefined,
      latency: undefined,
      purpose: 'subscriptions',
      counts: this.#counts,
      // While the server is away an instance tries to connect once, not twice.
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
}
