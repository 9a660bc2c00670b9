// Locks and marks in Redis, taken and looked up in one step.

import type { Clock } from '../util/clock.ts';
import { AppError } from '../util/errors.ts';
import type { Redis } from '../redis/redis.ts';
import { lockKeys, type LockKeys, type LockSubject } from './lock-keys.ts';
import { heldBy, ownerName } from './lock-owner.ts';
import {
  longestMarkMs,
  marks,
  type Lock,
  type LockAttempt,
  type Locks,
  type Mark,
  type Remembered,
} from './locks.ts';
import type { Guard, RemovalTrace } from './tier.ts';

// Long enough for a pause of the process, short enough that who waits for a dead holder still has budget.
const lockMs = 3000;
const extendEveryMs = 1000;
const commandLimitMs = 1000;
// Whatever goes wrong, no lock outlives the longest invocation (functionTimeout's default on Flex Consumption).
const longestHeldMs = 30 * 60_000;

// KEYS in all scripts: lock, mark.

// Whoever has access to Redis can write these keys, by mistake or not. What could not be one of ours is not believed,
// lest it keep everybody from loading for ever: of another type, without expiry, or with a longer one than ours have.
// pcall, where a value is compared: of another type it is an error reply, and nobody's lock.
const believed = `
local function believed(key, longestMs)
  if redis.call('TYPE', key).ok ~= 'string' then return nil end
  local leftMs = redis.call('PTTL', key)
  if leftMs < 0 or leftMs > longestMs then return nil end
  return redis.call('GET', key)
end
local function mark(since)
  local value, place = string.match(believed(KEYS[2], ${longestMarkMs}) or '', '^(%a+):?(%d*)$')
  if value == 'none' and (tonumber(place) or 0) < tonumber(since) then return nil end
  return (${marks.map((one) => `value == '${one}'`).join(' or ')}) and value
end
`;

// ARGV: owner, place of the latest purge. Behind the owner's name there may be a trace: to whoever knows nothing of
// that, all of it is a name. One script, so that looking and taking are one step.
const acquireScript = `${believed}
local known = mark(ARGV[2])
if known then return known end
local holder = believed(KEYS[1], ${lockMs})
if holder then return 'held' .. (string.match(holder, ' .+') or '') end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ${lockMs})
return 'acquired'
`;

// ARGV: place of the latest purge.
const lookScript = `${believed}
return mark(ARGV[1]) or 'unknown'
`;

// ARGV: owner.
const extendScript = `
if redis.pcall('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ${lockMs}) end
return 0
`;

// ARGV: owner, what to remember (a mark or ''), for how many ms.
const releaseScript = `
if redis.pcall('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[2] ~= '' then redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3]) end
return redis.call('DEL', KEYS[1])
`;

// ARGV: what to remember, for how many ms.
const markScript = `return redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])`;

const forgetScript = `return redis.call('DEL', KEYS[2])`;

export class RedisLocks implements Locks {
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
   * @param since the place of the latest purge of the entry: `none` is not believed where it is older.
   * @param traceParent of whoever wants it: told to those who find it held.
   * @throws AppError when Redis cannot be asked.
   */
  async acquire(
    subject: LockSubject,
    deadlineAtMs: number,
    since = 0,
    traceParent?: string,
  ): Promise<LockAttempt> {
    const keys = this.#keysOf(subject);
    const owner = ownerName(traceParent);
    try {
      const reply = await this.#run(acquireScript, keys, [owner, `${since}`], deadlineAtMs);
      if (reply === 'acquired') return { kind: reply, lock: this.#keep(keys, owner) };
      const holder = heldBy(reply);
      if (holder !== undefined) return holder;
      return { kind: markOf(reply) };
    } catch (error) {
      // It may have been taken all the same, and then nobody knows of it.
      this.#runUnwatched(releaseScript, keys, [owner, '', '0']);
      throw error;
    }
  }

  /**
   * What is remembered instead of a lock. Takes nothing.
   * @throws AppError when Redis cannot be asked.
   */
  async look(subject: LockSubject, deadlineAtMs: number, since = 0): Promise<Mark | undefined> {
    const reply = await this.#run(lookScript, this.#keysOf(subject), [`${since}`], deadlineAtMs);
    return reply === 'unknown' ? undefined : markOf(reply);
  }

  /** Remembers something without having the lock. Nobody waits for that. */
  mark(subject: LockSubject, mark: Mark, forMs: number): void {
    this.#runUnwatched(markScript, this.#keysOf(subject), [mark, `${forMs}`]);
  }

  /** Remembers nothing any more, because there is an entry. Nobody waits for that. */
  forget(subject: LockSubject): void {
    this.#runUnwatched(forgetScript, this.#keysOf(subject), []);
  }

  /** What goes with the entry when it is removed, and where that is noted; undefined where no script reaches it. */
  traceOf(redisKey: string): RemovalTrace | undefined {
    const { lock, mark, removal, isSameSlot } = this.#keysOf({ kind: 'load', name: redisKey });
    return isSameSlot ? { removed: [lock, mark], noteKey: removal } : undefined;
  }

  /**
   * For a load without a lock, before the origin is asked: makes its write happen only if the entry has not been
   * removed since. Undefined where no script reaches both.
   * @throws AppError when Redis cannot be asked.
   */
  async guardWithoutLock(redisKey: string, deadlineAtMs: number): Promise<Guard | undefined> {
    const { removal: key, isSameSlot } = this.#keysOf({ kind: 'load', name: redisKey });
    if (!isSameSlot) return undefined;
    try {
      const last = await this.#redis.run((client) => client.get(key), {
        key,
        deadlineAtMs,
        idempotent: true,
      });
      return { key, value: last ?? '' };
    } catch (error) {
      // Somebody else's: nothing is noted there.
      if (error instanceof AppError && error.code === 'wrong-type') return undefined;
      throw error;
    }
  }

  #keep(keys: LockKeys, owner: string): Lock {
    const lastAtMs = this.#clock.nowMs() + longestHeldMs;
    let cancel = (): void => {};
    const extend = (): void => {
      if (this.#clock.nowMs() > lastAtMs) return;
      cancel = this.#clock.after(extendEveryMs, () => {
        this.#runUnwatched(extendScript, keys, [owner]);
        extend();
      });
    };
    extend();
    return {
      guard: keys.isSameSlot ? { key: keys.lock, value: owner } : undefined,
      release: (after) => {
        cancel();
        const remembered = after === undefined ? '' : valueOf(after);
        this.#runUnwatched(releaseScript, keys, [owner, remembered, `${after?.forMs ?? 0}`]);
      },
    };
  }

  #keysOf(subject: LockSubject): LockKeys {
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

function valueOf({ kind, place }: Remembered): string {
  return place === undefined ? kind : `${kind}:${place}`;
}

function markOf(reply: unknown): Mark {
  const mark = marks.find((known) => known === reply);
  if (mark !== undefined) return mark;
  throw new AppError('command-failed', 'The lock script gave an unknown answer.');
}
