// Brings live connections to the current token: one AUTH a rotation and connection, repeated where it failed.

import { marginMs } from '../auth/refresh-policy.ts';
import type { TokenKeeper } from '../auth/token-keeper.ts';
import type { Token } from '../auth/token.ts';
import type { Clock } from '../util/clock.ts';
import { withDeadline } from '../util/deadline.ts';
import { AppError, describe, type ErrorCode } from '../util/errors.ts';
import type { Emit } from '../telemetry/events.ts';
import type { Admission } from './admission.ts';
import type { Connection } from './connection.ts';
import { rejectedDelayMs, repeatedAuthDelayMs } from './reconnect-policy.ts';

/** AUTH commands since the start, by their outcome. */
export interface AuthCounts {
  reauthenticated: number;
  reauthenticationsFailed: number;
}

export interface ReauthenticationOptions {
  readonly keeper: TokenKeeper;
  readonly admission: Admission;
  readonly clock: Clock;
  /** A number in [0, 1). */
  readonly random: () => number;
  readonly emit: Emit;
  readonly counts: AuthCounts;
  /** Puts another connection, with this token, in the place of one; false when that did not work. */
  readonly replace: (connection: Connection, token: Token) => Promise<boolean>;
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

  constructor(options: ReauthenticationOptions) {
    this.#options = options;
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
    const { keeper, admission, clock, replace } = this.#options;
    const done = Promise.withResolvers<void>();
    const run: Run = { ended: done.promise, goOn: () => {} };
    this.#running.set(connection, run);
    try {
      const first = keeper.current();
      let pauseMs = first === undefined || first === connection.token ? 0 : admission.retryInMs(first);
      for (let failures = 0; ;) {
        if (pauseMs > 0) await this.#pause(run, pauseMs, connection.token);
        pauseMs = 0;
        const token = keeper.current();
        if (!connection.isLive || token === undefined || token === connection.token) return;
        const failure = await this.#authenticate(connection, token);
        if (failure === undefined) {
          failures = 0;
          continue;
        }
        failures += 1;
        const another = failure === 'redis-rejected-identity' ? admission.refused(token) : undefined;
        // Redis stays with who this was when AUTH fails; other servers (Garnet) let nobody go on.
        if (another !== undefined && connection.isLive) await this.#authenticate(connection, another);
        // The server cuts a connection at its token's expiry: make another before that breaks.
        const isEnding = connection.token.leftMs(clock) <= marginMs(token);
        if (isEnding && (await replace(connection, token))) return;
        // A rotation or a loss that came meanwhile found no pause to end.
        if (connection.isLive && keeper.current() === token)
          pauseMs = this.#pauseMs(token, failure, failures);
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
    const { keeper, admission } = this.#options;
    try {
      const newest = keeper.current();
      // Where the newest token is refused there is one that is known to be let in.
      if (newest === undefined || admission.offer() === newest) {
        const renewal = await keeper.renew();
        // A rotation sends its AUTH by itself.
        if (renewal.kind === 'rotated') return;
      }
      for (let token = admission.offer(); token !== undefined;) {
        const failure = await this.#authenticate(connection, token);
        if (failure === undefined) return;
        const another = failure === 'redis-rejected-identity' ? admission.refused(token) : undefined;
        if (another === undefined) return connection.fail('Redis rejects its identity');
        token = another;
      }
    } finally {
      this.#restoring.delete(connection);
    }
  }

  #pauseMs(token: Token, failure: ErrorCode, failures: number): number {
    const { admission, random } = this.#options;
    if (failure !== 'redis-rejected-identity') return repeatedAuthDelayMs(failures, random());
    // All connections offer it again together; where there is no other token each goes its own way.
    return admission.retryInMs(token) || rejectedDelayMs(failures, random());
  }

  /** @param old the token that the connection lives on. */
  #pause(run: Run, delayMs: number, old: Token): Promise<void> {
    const leftMs = old.leftMs(this.#options.clock);
    const untilMarginMs = leftMs - marginMs(old);
    // None that the old token does not outlast several times: what is rejected may be let in again. And none that goes
    // on where its margin begins, which is for making another connection.
    const mostMs = leftMs > 0 ? Math.max(leftMs / 4, leastPauseMs) : Infinity;
    const pauseMs = Math.min(delayMs, mostMs, untilMarginMs > 0 ? untilMarginMs : Infinity);
    return new Promise((resolve) => {
      const cancel = this.#options.clock.after(pauseMs, resolve);
      run.goOn = () => {
        cancel();
        resolve();
      };
    });
  }

  /** One AUTH; tells its outcome, and returns why it failed. */
  async #authenticate(connection: Connection, token: Token): Promise<ErrorCode | undefined> {
    const { clock, emit, counts, admission } = this.#options;
    const connectionId = connection.id;
    const startedAtMs = clock.nowMs();
    try {
      await connection.reauthenticate(token, startedAtMs + authTimeoutMs);
      counts.reauthenticated += 1;
      admission.accepted(token);
      const timeLeftMs = token.leftMs(clock);
      const authMs = clock.nowMs() - startedAtMs;
      emit({ type: 'connectionReauthenticated', connectionId, authMs, timeLeftMs });
      return undefined;
    } catch (error) {
      counts.reauthenticationsFailed += 1;
      emit({
        type: 'connectionReauthenticationFailed',
        connectionId,
        reason: describe(error),
        authMs: clock.nowMs() - startedAtMs,
        timeLeftMs: connection.token.leftMs(clock),
      });
      return error instanceof AppError ? error.code : 'redis-unavailable';
    }
  }
}
