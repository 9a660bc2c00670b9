// Short locks in Redis: one load per fleet, as far as a lock that expires can promise. Used by the loader and
// the warmup. Also remembers, in the same step, what makes a load or a lock needless. Knows no entry and no origin.

import { randomUUID } from 'node:crypto';
import type { Clock } from '../clock.ts';
import type { Redis } from '../redis/redis.ts';
import { lockKeys, type LockKeys } from './lock-keys.ts';
import type { Guard } from './store.ts';

export type LockAttempt =
  | { readonly kind: 'acquired'; readonly lock: Lock }
  /** Somebody else has it. */
  | { readonly kind: 'held' }
  | { readonly kind: Mark };

/**
 * What is remembered for a moment instead of a lock. `none`: the origin was asked and had nothing. `pass`: what it
 * has may not be stored, so whoever needs it asks, and waits for nobody ("hit-for-pass" in Varnish).
 */
export type Mark = 'none' | 'pass';

export interface Lock {
  /** Makes a write happen only while the lock is held; undefined where no script reaches both. */
  readonly guard: Guard | undefined;
  /**
   * Gives it back if it is still held. Nobody waits for that, and if it fails the lock expires anyway.
   * @param after what to remember; `hold`: nobody may have it yet, for what has just failed.
   */
  release(after?: { readonly kind: Mark | 'hold'; readonly forMs: number }): void;
}

// Long enough for a pause of the process, short enough that who waits for a dead holder still has budget.
const lockMs = 3000;
const extendEveryMs = 1000;
const commandLimitMs = 1000;
// Whatever goes wrong, no lock outlives the longest invocation (functionTimeout's default on Flex Consumption).
const longestMs = 30 * 60_000;

// KEYS: lock, mark. ARGV: owner, lock's ms; 0 to look only. One script, so that looking and taking are one step.
const acquireScript = `
local mark = redis.call('GET', KEYS[2])
if mark then return mark end
if ARGV[2] ~= '0' and redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return 'acquired' end
return 'held'
`;

const extendScript = `
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 0
`;

// ARGV: owner, what to remember ('none', 'pass', 'hold' or ''), for how many ms.
const releaseScript = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[2] == 'hold' then return redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
if ARGV[2] ~= '' then redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3]) end
return redis.call('DEL', KEYS[1])
`;

const markScript = `return redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])`;

export class Locks {
  readonly #redis: Redis;
  readonly #clock: Clock;
  readonly #namespace: string;

  constructor(redis: Redis, clock: Clock, namespace: string) {
    this.#redis = redis;
    this.#clock = clock;
    this.#namespace = namespace;
  }

  /**
   * Tries once. A lock that was got is kept until it is released, or until this process or Redis is gone.
   * @throws AppError when Redis cannot be asked.
   */
  async acquire(subject: string, deadlineAtMs: number): Promise<LockAttempt> {
    const keys = this.#keysOf(subject);
    const owner = randomUUID();
    try {
      const reply = await this.#run(acquireScript, keys, [owner, `${lockMs}`], deadlineAtMs);
      return reply === 'acquired' ? { kind: reply, lock: this.#keep(keys, owner) } : withoutLock(reply);
    } catch (error) {
      // It may have been taken all the same, and then nobody knows of it.
      this.#runUnwatched(releaseScript, keys, [owner, '', '0']);
      throw error;
    }
  }

  /**
   * Takes nothing; `held` says only that nothing is remembered.
   * @throws AppError when Redis cannot be asked.
   */
  async look(subject: string, deadlineAtMs: number): Promise<Exclude<LockAttempt, { kind: 'acquired' }>> {
    return withoutLock(await this.#run(acquireScript, this.#keysOf(subject), ['', '0'], deadlineAtMs));
  }

  /** Remembers something without having the lock. Nobody waits for that. */
  mark(subject: string, mark: Mark, forMs: number): void {
    this.#runUnwatched(markScript, this.#keysOf(subject), [mark, `${forMs}`]);
  }

  /** What goes with the entry when it is removed; nothing where no script reaches all of it. */
  beside(subject: string): readonly string[] {
    const { lock, mark, beside } = this.#keysOf(subject);
    return beside ? [lock, mark] : [];
  }

  #keep(keys: LockKeys, owner: string): Lock {
    const lastAtMs = this.#clock.nowMs() + longestMs;
    let cancel = (): void => {};
    const extend = (): void => {
      if (this.#clock.nowMs() > lastAtMs) return;
      cancel = this.#clock.after(extendEveryMs, () => {
        this.#runUnwatched(extendScript, keys, [owner, `${lockMs}`]);
        extend();
      });
    };
    extend();
    return {
      guard: keys.beside ? { lockKey: keys.lock, owner } : undefined,
      release: (after) => {
        cancel();
        this.#runUnwatched(releaseScript, keys, [owner, after?.kind ?? '', `${after?.forMs ?? 0}`]);
      },
    };
  }

  #keysOf(subject: string): LockKeys {
    return lockKeys(this.#namespace, subject);
  }

  #runUnwatched(script: string, keys: LockKeys, parameters: string[]): void {
    this.#run(script, keys, parameters, this.#clock.nowMs() + commandLimitMs).catch(() => {});
  }

  async #run(script: string, keys: LockKeys, parameters: string[], deadlineAtMs: number): Promise<unknown> {
    return this.#redis.run(
      (client) => client.eval(script, { keys: [keys.lock, keys.mark], arguments: parameters }),
      { key: keys.lock, deadlineAtMs, idempotent: false },
    );
  }
}

function withoutLock(reply: unknown): Exclude<LockAttempt, { kind: 'acquired' }> {
  return { kind: reply === 'none' || reply === 'pass' ? reply : 'held' };
}
