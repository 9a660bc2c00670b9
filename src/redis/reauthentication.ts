// Brings live connections to the current token: one AUTH a rotation and connection, repeated where it failed.
// Used by node.ts. Knows connections and the token keeper; not which connection commands go to.

import { marginMs } from '../auth/refresh-policy.ts';
import type { TokenKeeper } from '../auth/token-keeper.ts';
import type { Token } from '../auth/token.ts';
import type { Clock } from '../clock.ts';
import { withDeadline } from '../deadline.ts';
import { AppError, describe, type ErrorCode } from '../errors.ts';
import type { Emit } from '../telemetry/events.ts';
import type { Connection } from './connection.ts';
import { reconnectDelayMs } from './reconnect-policy.ts';

export interface ReauthenticationOptions {
  readonly keeper: TokenKeeper;
  readonly clock: Clock;
  /** A number in [0, 1). */
  readonly random: () => number;
  readonly emit: Emit;
  /** Puts another connection in the place of one that is about to expire; false when that did not work. */
  readonly replace: (connection: Connection) => Promise<boolean>;
}

interface Run {
  readonly ended: Promise<void>;
  /** Ends the pause before the next AUTH, where there is one. */
  goOn: () => void;
}

const authTimeoutMs = 5000;
const leastPauseMs = 500;

export class Reauthentication {
  readonly #options: ReauthenticationOptions;
  readonly #running = new Map<Connection, Run>();
  readonly #restoring = new Map<Connection, Promise<void>>();
  #succeeded = 0;
  #failed = 0;

  constructor(options: ReauthenticationOptions) {
    this.#options = options;
  }

  /** AUTH commands since the start, by their outcome. */
  get counts(): { readonly reauthenticated: number; readonly reauthenticationsFailed: number } {
    return { reauthenticated: this.#succeeded, reauthenticationsFailed: this.#failed };
  }

  /** Resolves when no connection is on its way to the current token. */
  async settled(): Promise<void> {
    await Promise.all([...this.#running.values()].map(({ ended }) => ended));
  }

  /**
   * Does nothing for a connection that has the current token, and nothing twice; a pause after a failure ends.
   * Never throws.
   */
  async keep(connection: Connection): Promise<void> {
    const running = this.#running.get(connection);
    if (running !== undefined) return running.goOn();
    const { keeper, clock, random, replace } = this.#options;
    const done = Promise.withResolvers<void>();
    const run: Run = { ended: done.promise, goOn: () => {} };
    this.#running.set(connection, run);
    try {
      for (let failures = 0; ; failures += 1) {
        const token = keeper.current();
        if (!connection.isLive || token === undefined || token === connection.token) return;
        const failure = await this.#authenticate(connection, token);
        if (failure === undefined) {
          failures = -1;
          continue;
        }
        // The server cuts a connection at its token's expiry: make another before that breaks.
        const leftMs = connection.token.expiresAtMs - clock.wallMs();
        if (leftMs <= marginMs(token) && (await replace(connection))) return;
        // A rotation or a loss that came meanwhile found no pause to end.
        if (!connection.isLive || keeper.current() !== token) continue;
        // No pause that the old token does not outlast several times: what is rejected may be let in again.
        const mostMs = leftMs > 0 ? Math.max(leftMs / 4, leastPauseMs) : Infinity;
        await this.#pause(run, Math.min(reconnectDelayMs(failures + 1, failure, random()), mostMs));
      }
    } finally {
      // In the same turn as the decision to end: a rotation that comes later finds nothing running.
      this.#running.delete(connection);
      done.resolve();
    }
  }

  /**
   * Redis answered a command with NOAUTH or WRONGPASS: asks once for a later token and, if there is none,
   * authenticates with the current one again. A connection that still is not let in is given up.
   * @throws AppError `redis-rejected-identity` at the deadline.
   */
  async restore(connection: Connection, deadlineAtMs: number): Promise<void> {
    const restoring = this.#restoring.get(connection) ?? this.#restoreOnce(connection);
    this.#restoring.set(connection, restoring);
    const late = (): AppError => new AppError('redis-rejected-identity', 'Redis rejects the identity.');
    await withDeadline(this.#options.clock, deadlineAtMs, restoring, late);
  }

  async #restoreOnce(connection: Connection): Promise<void> {
    const { keeper } = this.#options;
    try {
      const renewal = await keeper.renew();
      const token = keeper.current();
      // A rotation sends its AUTH by itself.
      if (renewal.kind === 'rotated' || token === undefined) return;
      const failure = await this.#authenticate(connection, token);
      if (failure !== undefined) connection.fail('Redis rejects its identity');
    } finally {
      this.#restoring.delete(connection);
    }
  }

  #pause(run: Run, delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#options.clock.after(delayMs, resolve);
      run.goOn = () => {
        cancel();
        resolve();
      };
    });
  }

  /** One AUTH; tells its outcome, and returns why it failed. */
  async #authenticate(connection: Connection, token: Token): Promise<ErrorCode | undefined> {
    const { clock, emit } = this.#options;
    const connectionId = connection.id;
    const startedAtMs = clock.nowMs();
    try {
      await connection.reauthenticate(token, startedAtMs + authTimeoutMs);
      this.#succeeded += 1;
      const timeLeftMs = token.expiresAtMs - clock.wallMs();
      const authMs = clock.nowMs() - startedAtMs;
      emit({ type: 'connectionReauthenticated', connectionId, authMs, timeLeftMs });
      return undefined;
    } catch (error) {
      this.#failed += 1;
      emit({
        type: 'connectionReauthenticationFailed',
        connectionId,
        reason: describe(error),
        authMs: clock.nowMs() - startedAtMs,
        timeLeftMs: connection.token.expiresAtMs - clock.wallMs(),
      });
      return error instanceof AppError ? error.code : 'redis-unavailable';
    }
  }
}
