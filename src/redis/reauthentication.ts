// Brings live connections to the current token: one AUTH for each rotation and connection, repeated where it failed.

import { untilMarginMs } from '../auth/refresh-policy.ts';
import type { TokenKeeper } from '../auth/token-keeper.ts';
import type { Token } from '../auth/token.ts';
import type { Clock } from '../util/clock.ts';
import { withDeadline } from '../util/deadline.ts';
import { AppError, describe, type ErrorCode } from '../util/errors.ts';
import { SingleFlight } from '../util/single-flight.ts';
import type { Emit } from '../telemetry/events.ts';
import type { Admission } from './admission.ts';
import { rejectedDelayMs, repeatedAuthDelayMs } from './reconnect-policy.ts';

/** AUTH commands since the start, by their outcome; without those that were lost with their connection. */
export interface AuthCounts {
  reauthenticated: number;
  reauthenticationsFailed: number;
}

/** A live connection, as far as its login is concerned. */
export interface Authenticated {
  /** Distinguishes connections in events. */
  readonly id: number;
  /** The token it last authenticated with. */
  readonly token: Token;
  readonly isLive: boolean;
  /** Sends one AUTH. */
  reauthenticate(token: Token, deadlineAtMs: number): Promise<void>;
  /** Ends a connection that cannot be used any more. */
  fail(reason: string): void;
}

export interface ReauthenticationOptions<C extends Authenticated> {
  readonly keeper: TokenKeeper;
  readonly admission: Admission;
  readonly clock: Clock;
  /** A number in [0, 1). */
  readonly random: () => number;
  readonly emit: Emit;
  readonly counts: AuthCounts;
  /** Puts another connection, with this token, in the place of one; false when that did not work. */
  readonly replace: (connection: C, token: Token) => Promise<boolean>;
}

/** A connection on its way to the current token. */
interface Run {
  ended: Promise<void>;
  /** Ends the pause before the next AUTH, where there is one. */
  wake: () => void;
}

const authTimeoutMs = 5000;
const leastPauseMs = 500;

export class Reauthentication<C extends Authenticated> {
  readonly #options: ReauthenticationOptions<C>;
  readonly #runs = new Map<C, Run>();
  readonly #restoring = new SingleFlight<void>();

  constructor(options: ReauthenticationOptions<C>) {
    this.#options = options;
  }

  /** Resolves when no connection is on its way to the current token. */
  async settled(): Promise<void> {
    await Promise.all([...this.#runs.values()].map(({ ended }) => ended));
  }

  /** Does nothing for a connection that has the current token; for one on its way to it, ends a pause. */
  ensureCurrent(connection: C): void {
    const running = this.#runs.get(connection);
    if (running !== undefined) return running.wake();
    const run: Run = { ended: Promise.resolve(), wake: () => {} };
    this.#runs.set(connection, run);
    run.ended = this.#bringToCurrent(connection, run);
  }

  /** Never rejects. */
  async #bringToCurrent(connection: C, run: Run): Promise<void> {
    const { keeper, admission } = this.#options;
    try {
      const first = this.#tokenToSend(connection);
      const retryInMs = first === undefined ? 0 : admission.retryInMs(first);
      if (retryInMs > 0) await this.#pause(run, retryInMs, connection.token);
      let failedAttempts = 0;
      for (;;) {
        const token = this.#tokenToSend(connection);
        if (token === undefined) return;
        const failure = await this.#authenticate(connection, token);
        failedAttempts = failure === undefined ? 0 : failedAttempts + 1;
        if (failure !== undefined && (await this.#fallBack(connection, token, failure))) return;
        // A rotation or a loss that came meanwhile found no pause to end.
        const isStillDue = connection.isLive && keeper.current() === token;
        if (failure !== undefined && isStillDue) {
          await this.#pause(run, this.#pauseMs(token, failure, failedAttempts), connection.token);
        }
      }
    } finally {
      // In the same turn as the decision to end: a rotation that comes later finds nothing running.
      this.#runs.delete(connection);
    }
  }

  /** Undefined where there is nothing to do. */
  #tokenToSend(connection: C): Token | undefined {
    const token = this.#options.keeper.current();
    return connection.isLive && token !== connection.token ? token : undefined;
  }

  /** Keeps the connection usable after AUTH failed; true when another one has taken its place. */
  async #fallBack(connection: C, token: Token, failure: ErrorCode): Promise<boolean> {
    const { admission, clock, replace } = this.#options;
    const another = failure === 'redis-rejected-identity' ? admission.refused(token) : undefined;
    // Redis goes on with the identity from before when AUTH fails; other servers (Garnet) forget it.
    if (another !== undefined && connection.isLive) await this.#authenticate(connection, another);
    // The server cuts a connection at its token's expiry: make another before that.
    return untilMarginMs(connection.token, clock) <= 0 && (await replace(connection, token));
  }

  /**
   * Redis answered a command with NOAUTH or WRONGPASS: asks once for a later token and, if there is none,
   * authenticates with the current one again. A connection that is still rejected is given up.
   * @throws AppError `redis-rejected-identity` at the deadline.
   */
  async restore(connection: C, deadlineAtMs: number): Promise<void> {
    const { result } = this.#restoring.do(`${connection.id}`, () => this.#restoreOnce(connection));
    const late = (): AppError => new AppError('redis-rejected-identity', 'Redis rejects the identity.');
    await withDeadline(this.#options.clock, deadlineAtMs, result, late);
  }

  async #restoreOnce(connection: C): Promise<void> {
    const { keeper, admission } = this.#options;
    const newest = keeper.current();
    // Where the newest token is refused there is one that is known to be let in.
    if (newest === undefined || admission.offer() === newest) {
      const renewal = await keeper.renew();
      // A rotation sends its AUTH by itself.
      if (renewal.kind === 'rotated') return;
    }
    let token = admission.offer();
    while (token !== undefined) {
      const failure = await this.#authenticate(connection, token);
      if (failure === undefined) return;
      token = failure === 'redis-rejected-identity' ? admission.refused(token) : undefined;
      if (token === undefined) connection.fail('Redis rejects its identity');
    }
  }

  #pauseMs(token: Token, failure: ErrorCode, failedAttempts: number): number {
    const { admission, random } = this.#options;
    if (failure !== 'redis-rejected-identity') return repeatedAuthDelayMs(failedAttempts, random());
    // All connections offer it again together; where there is no other token each goes its own way.
    return admission.retryInMs(token) || rejectedDelayMs(failedAttempts, random());
  }

  /** @param old the token that the connection lives on. */
  #pause(run: Run, delayMs: number, old: Token): Promise<void> {
    const { clock } = this.#options;
    const leftMs = old.leftMs(clock);
    const marginInMs = untilMarginMs(old, clock);
    // At most a quarter of what the old token has left: what is rejected may be let in again. And not past the moment
    // when its margin begins, which is for making another connection.
    const mostMs = leftMs > 0 ? Math.max(leftMs / 4, leastPauseMs) : Infinity;
    const pauseMs = Math.min(delayMs, mostMs, marginInMs > 0 ? marginInMs : Infinity);
    return new Promise<void>((resolve) => {
      const cancel = clock.after(pauseMs, resolve);
      run.wake = () => {
        cancel();
        resolve();
      };
    });
  }

  /** One AUTH; emits its outcome, unless it is lost with its connection, and returns why it failed. */
  async #authenticate(connection: C, token: Token): Promise<ErrorCode | undefined> {
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
      const code = error instanceof AppError ? error.code : 'redis-unavailable';
      // The loss is told by itself, and the connection that comes next begins with the current token.
      if (code === 'connection-lost') return code;
      counts.reauthenticationsFailed += 1;
      emit({
        type: 'connectionReauthenticationFailed',
        connectionId,
        reason: describe(error),
        authMs: clock.nowMs() - startedAtMs,
        timeLeftMs: connection.token.leftMs(clock),
      });
      return code;
    }
  }
}
