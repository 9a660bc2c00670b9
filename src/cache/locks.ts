// Short locks in Redis: one load per fleet, as far as a lock that expires can promise. Used by the loader and
// the warmup. Also remembers, in the same step, that the origin had nothing. Knows no entry and no origin.

import { createHash, randomUUID } from 'node:crypto';
import type { Clock } from '../clock.ts';
import type { Redis } from '../redis/redis.ts';

export type LockAttempt =
  | { readonly kind: 'acquired'; readonly lock: Lock }
  /** Somebody else has it. */
  | { readonly kind: 'held' }
  /** The origin was asked a moment ago and had nothing. */
  | { readonly kind: 'none'; readonly leftMs: number };

export interface Lock {
  /**
   * Gives it back if it is still held. Nobody waits for that, and if it fails the lock expires anyway.
   * @param after `noneMs`: how long to remember that the origin has nothing; `holdMs`: how long nobody may
   * have it yet, for what has just failed.
   */
  release(after?: { readonly noneMs?: number; readonly holdMs?: number }): void;
}

// Long enough for a pause of the process, short enough that who waits for a dead holder still has budget.
const lockMs = 3000;
const extendEveryMs = 1000;
const commandLimitMs = 1000;
// Whatever goes wrong, no lock outlives the longest invocation (functionTimeout's default on Flex Consumption).
const longestMs = 30 * 60_000;

// KEYS: lock, mark of none. ARGV: owner, lock's ms. One script, so that looking and taking are one step.
const acquireScript = `
local left = redis.call('PTTL', KEYS[2])
if left > 0 then return left end
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return 0 end
return -1
`;

const extendScript = `
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 0
`;

// ARGV: owner, ms to remember none, ms to hold on.
const releaseScript = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if tonumber(ARGV[3]) > 0 then redis.call('PEXPIRE', KEYS[1], ARGV[3]) else redis.call('DEL', KEYS[1]) end
if tonumber(ARGV[2]) > 0 then redis.call('SET', KEYS[2], '', 'PX', ARGV[2]) end
return 1
`;

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
    const reply = await this.#run(acquireScript, keys, [owner, `${lockMs}`], deadlineAtMs);
    if (reply > 0) return { kind: 'none', leftMs: reply };
    return reply < 0 ? { kind: 'held' } : { kind: 'acquired', lock: this.#keep(keys, owner) };
  }

  #keep(keys: readonly string[], owner: string): Lock {
    const lastAtMs = this.#clock.nowMs() + longestMs;
    let cancel = (): void => {};
    const extend = (): void => {
      if (this.#clock.nowMs() > lastAtMs) return;
      cancel = this.#clock.after(extendEveryMs, () => {
        this.#run(extendScript, keys, [owner, `${lockMs}`]).catch(() => {});
        extend();
      });
    };
    extend();
    return {
      release: ({ noneMs = 0, holdMs = 0 } = {}) => {
        cancel();
        this.#run(releaseScript, keys, [owner, `${noneMs}`, `${holdMs}`]).catch(() => {});
      },
    };
  }

  /** Hashed, so that any key fits, and with one hash tag, so that both are in one slot of a cluster. */
  #keysOf(subject: string): readonly string[] {
    const tag = `${this.#namespace}:{${createHash('sha1').update(subject).digest('hex')}}`;
    return [`${tag}:lock`, `${tag}:none`];
  }

  async #run(
    script: string,
    keys: readonly string[],
    parameters: string[],
    deadlineAtMs: number = this.#clock.nowMs() + commandLimitMs,
  ): Promise<number> {
    const call = { key: keys[0] ?? '', deadlineAtMs, idempotent: false };
    const reply = await this.#redis.run(
      (client) => client.eval(script, { keys: [...keys], arguments: parameters }),
      call,
    );
    return Number(reply);
  }
}
