// Locks and marks without Redis. test/contract/locks.ts holds them to the real ones.

import { lockKeys, type LockKeys, type LockSubject } from '../../src/cache/lock-keys.ts';
import { heldBy, ownerName } from '../../src/cache/lock-owner.ts';
import {
  longestMarkMs,
  marks,
  type Lock,
  type LockAttempt,
  type Locks,
  type Mark,
  type Remembered,
} from '../../src/cache/locks.ts';
import type { Guard, RemovalTrace } from '../../src/cache/tier.ts';
import type { Clock } from '../../src/util/clock.ts';
import { AppError } from '../../src/util/errors.ts';
import { wrongType, type InMemoryConnection, type InMemoryServer } from './in-memory-server.ts';

const lockMs = 3000;
const extendEveryMs = 1000;
const commandLimitMs = 1000;
const longestHeldMs = 30 * 60_000;

export class InMemoryLocks implements Locks {
  readonly #connection: InMemoryConnection;
  readonly #clock: Clock;
  readonly #namespace: string;

  constructor(connection: InMemoryConnection, clock: Clock, namespace: string) {
    this.#connection = connection;
    this.#clock = clock;
    this.#namespace = namespace;
  }

  async acquire(
    subject: LockSubject,
    deadlineAtMs: number,
    since = 0,
    traceParent?: string,
  ): Promise<LockAttempt> {
    const keys = this.#keysOf(subject);
    const owner = ownerName(traceParent);
    try {
      const reply = await this.#run(keys, deadlineAtMs, (server) => takeIn(server, keys, owner, since));
      if (reply === 'acquired') return { kind: reply, lock: this.#keep(keys, owner) };
      return heldBy(reply) ?? { kind: reply as Mark };
    } catch (error) {
      this.#runUnwatched(keys, (server) => void releaseIn(server, keys, owner));
      throw error;
    }
  }

  look(subject: LockSubject, deadlineAtMs: number, since = 0): Promise<Mark | undefined> {
    const keys = this.#keysOf(subject);
    return this.#run(keys, deadlineAtMs, (server) => markIn(server, keys, since));
  }

  mark(subject: LockSubject, mark: Mark, forMs: number): void {
    const keys = this.#keysOf(subject);
    this.#runUnwatched(keys, (server) => server.set(keys.mark, mark, forMs));
  }

  forget(subject: LockSubject): void {
    const keys = this.#keysOf(subject);
    this.#runUnwatched(keys, (server) => void server.delete(keys.mark));
  }

  traceOf(redisKey: string): RemovalTrace | undefined {
    const { lock, mark, removal, isSameSlot } = this.#keysOf({ kind: 'load', name: redisKey });
    return isSameSlot ? { removed: [lock, mark], noteKey: removal } : undefined;
  }

  async guardWithoutLock(redisKey: string, deadlineAtMs: number): Promise<Guard | undefined> {
    const keys = this.#keysOf({ kind: 'load', name: redisKey });
    if (!keys.isSameSlot) return undefined;
    const key = keys.removal;
    try {
      const value = await this.#run(keys, deadlineAtMs, (server) => {
        if (server.get(key) === 'other') throw wrongType();
        return server.text(key) ?? '';
      });
      return { key, value };
    } catch (error) {
      if (error instanceof AppError && error.code === 'wrong-type') return undefined;
      throw error;
    }
  }

  #keep(keys: LockKeys, owner: string): Lock {
    const timer = { cancel: (): void => {} };
    const lastAtMs = this.#clock.nowMs() + longestHeldMs;
    const extend = (): void => {
      if (this.#clock.nowMs() > lastAtMs) return;
      timer.cancel = this.#clock.after(extendEveryMs, () => {
        this.#runUnwatched(keys, (server) => void extendIn(server, keys, owner));
        extend();
      });
    };
    extend();
    return {
      guard: keys.isSameSlot ? { key: keys.lock, value: owner } : undefined,
      release: (after) => {
        timer.cancel();
        this.#runUnwatched(keys, (server) => void releaseIn(server, keys, owner, after));
      },
    };
  }

  #keysOf(subject: LockSubject): LockKeys {
    return lockKeys(this.#namespace, subject);
  }

  #runUnwatched(keys: LockKeys, apply: (server: InMemoryServer) => void): void {
    this.#run(keys, this.#clock.nowMs() + commandLimitMs, apply).catch(() => {});
  }

  #run<T>(keys: LockKeys, deadlineAtMs: number, apply: (server: InMemoryServer) => T): Promise<T> {
    const connection = this.#connection;
    return connection.run(keys.lock, deadlineAtMs, async () => connection.command(apply));
  }
}

/** Of another type, without expiry or with a longer one than ours have: it is not one of ours. */
function believed(server: InMemoryServer, key: string, longestMs: number): string | undefined {
  const leftMs = server.leftMs(key);
  return leftMs < 0 || leftMs > longestMs ? undefined : server.text(key);
}

type Keys = Pick<LockKeys, 'lock' | 'mark'>;

export function markIn(server: InMemoryServer, keys: Keys, since: number): Mark | undefined {
  const value = believed(server, keys.mark, longestMarkMs) ?? '';
  const [, kind, place] = /^(?<kind>[a-z]+):?(?<place>\d*)$/iu.exec(value) ?? [];
  if (kind === 'none' && Number(place) < since) return undefined;
  return marks.find((known) => known === kind);
}

export function takeIn(
  server: InMemoryServer,
  keys: Keys,
  owner: string,
  since: number,
): Mark | `held${string}` | 'acquired' {
  const mark = markIn(server, keys, since);
  if (mark !== undefined) return mark;
  const holder = believed(server, keys.lock, lockMs);
  if (holder !== undefined) return `held${/ .+/u.exec(holder)?.[0] ?? ''}`;
  server.set(keys.lock, owner, lockMs);
  return 'acquired';
}

export function extendIn(server: InMemoryServer, { lock }: Keys, owner: string): number {
  if (server.text(lock) !== owner) return 0;
  server.set(lock, owner, lockMs);
  return 1;
}

export function releaseIn(
  server: InMemoryServer,
  { lock, mark }: Keys,
  owner: string,
  after?: Omit<Remembered, 'kind'> & { readonly kind: string },
): number {
  if (server.text(lock) !== owner) return 0;
  const { kind, place, forMs = 0 } = after ?? {};
  if (kind !== undefined) server.set(mark, place === undefined ? kind : `${kind}:${place}`, forMs);
  return server.delete(lock);
}
