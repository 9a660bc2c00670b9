// One Redis server in memory, on a clock of the test's choice: strings that expire, and connections to it that can be
// lost, slow, or held.

import { AppError } from '../../src/util/errors.ts';
import { delay, type Clock } from '../../src/util/clock.ts';
import { withDeadline } from '../../src/util/deadline.ts';

/** `other`: a value of another type than a string. */
export type Stored = Buffer | 'other';

interface Slot {
  readonly value: Stored;
  /** Undefined: it does not expire. */
  readonly expiresAtMs: number | undefined;
}

export class InMemoryServer {
  readonly clock: Clock;
  /** Called with each key that is changed, undefined for all; not with what expires. */
  readonly onChanged = new Set<(key: string | undefined) => void>();
  readonly #slots = new Map<string, Slot>();

  constructor(clock: Clock) {
    this.clock = clock;
  }

  get(key: string): Stored | undefined {
    return this.#slot(key)?.value;
  }

  /** The text of a string; undefined for none and for another type. */
  text(key: string): string | undefined {
    const value = this.get(key);
    return Buffer.isBuffer(value) ? value.toString('latin1') : undefined;
  }

  has(key: string): boolean {
    return this.#slot(key) !== undefined;
  }

  /** Milliseconds until it expires; -1 where it does not, -2 where there is no such key. */
  leftMs(key: string): number {
    const slot = this.#slot(key);
    if (slot === undefined) return -2;
    return slot.expiresAtMs === undefined ? -1 : slot.expiresAtMs - this.clock.nowMs();
  }

  /** @param value `other`: of another type. @param forMs undefined: it does not expire. */
  set(key: string, value: Buffer | string, forMs?: number): void {
    if (forMs !== undefined && forMs < 1) throw commandFailed();
    const expiresAtMs = forMs === undefined ? undefined : this.clock.nowMs() + forMs;
    const stored = value === 'other' || Buffer.isBuffer(value) ? value : Buffer.from(value, 'latin1');
    this.#slots.set(key, { value: stored, expiresAtMs });
    this.#changed(key);
  }

  /** How many of `keys` were there. */
  delete(...keys: readonly string[]): number {
    const present = keys.filter((key) => this.has(key));
    for (const key of keys) this.#slots.delete(key);
    for (const key of present) this.#changed(key);
    return present.length;
  }

  /** All data are lost. */
  restart(): void {
    this.#slots.clear();
    this.#changed(undefined);
  }

  /** Of what has not expired. */
  keys(): readonly string[] {
    return [...this.#slots.keys()].filter((key) => this.has(key));
  }

  #changed(key: string | undefined): void {
    for (const listener of this.onChanged) listener(key);
  }

  #slot(key: string): Slot | undefined {
    const slot = this.#slots.get(key);
    // As Redis has it: at the very millisecond it is still there.
    if (slot?.expiresAtMs === undefined || this.clock.nowMs() <= slot.expiresAtMs) return slot;
    this.#slots.delete(key);
    return undefined;
  }
}

/**
 * What becomes of commands.
 * `unavailable`: nothing is sent. `lost-before`, `lost-after`: the connection is lost before, or after, they are applied.
 */
export type Fault = 'none' | 'unavailable' | 'lost-before' | 'lost-after';

/** The connection of one instance to the server. */
export class InMemoryConnection {
  readonly server: InMemoryServer;
  fault: Fault = 'none';
  /** Keys that alone are `unavailable`, as those of one node of a cluster. */
  readonly unavailableKeys = new Set<string>();
  /** What an answer takes on its way back. */
  slowMs = 0;
  /** How many have been issued. */
  commands = 0;
  readonly #held: (() => void)[] = [];
  #isHeld = false;

  constructor(server: InMemoryServer) {
    this.server = server;
  }

  /** Commands that are held. */
  get held(): number {
    return this.#held.length;
  }

  /**
   * From now on commands are neither applied nor answered until they are stepped or released. Whoever waits for one
   * gives up at its deadline; it is applied all the same when its turn comes.
   */
  hold(): void {
    this.#isHeld = true;
  }

  /** Applies one that is held. */
  step(choice = 0): void {
    const [apply] = this.#held.splice(choice % Math.max(this.#held.length, 1), 1);
    apply?.();
  }

  /** Applies what is held, in the order in which it came, and holds no more. */
  release(): void {
    this.#isHeld = false;
    for (const apply of this.#held.splice(0)) apply();
  }

  /**
   * Runs `work`, which issues commands, until the deadline.
   * @throws AppError as the Redis port does.
   */
  async run<T>(key: string, deadlineAtMs: number, work: () => Promise<T>): Promise<T> {
    if (this.fault === 'unavailable' || this.unavailableKeys.has(key)) {
      throw new AppError('redis-unavailable', 'Redis was made unavailable.', { retryAfterSeconds: 1 });
    }
    const late = (): AppError => new AppError('deadline-exceeded', 'Redis has not answered in time.');
    return withDeadline(this.server.clock, deadlineAtMs, work(), late);
  }

  /** One command: `apply` is what it does at the server, in one step. */
  async command<T>(apply: (server: InMemoryServer) => T): Promise<T> {
    const { fault } = this;
    this.commands += 1;
    const lost = (): AppError => new AppError('connection-lost', 'The connection was cut.');
    if (fault === 'lost-before') throw lost();
    const applied = Promise.withResolvers<T>();
    const run = (): void => {
      try {
        applied.resolve(apply(this.server));
      } catch (error) {
        applied.reject(error);
      }
    };
    if (this.#isHeld) this.#held.push(run);
    else run();
    const answer = await applied.promise;
    if (fault === 'lost-after') throw lost();
    if (this.slowMs > 0) await delay(this.server.clock, this.slowMs);
    return answer;
  }
}

export function wrongType(): AppError {
  return new AppError('wrong-type', 'The key holds another type.');
}

export function commandFailed(): AppError {
  return new AppError('command-failed', 'ERR invalid expire time');
}
