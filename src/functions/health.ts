// GET and HEAD /api/health/live and /api/health/ready, open to anybody.
// Knows no function: what it tries is what all of them need of Redis.

import type { HttpHandler, HttpResponseInit } from '@azure/functions';
import type { TokenKeeper } from '../auth/token-keeper.ts';
import { delay, type Clock } from '../util/clock.ts';
import { AppError } from '../util/errors.ts';
import { deadlineAtMs } from '../http/budget.ts';
import type { KeyRules } from '../cache/key.ts';
import { refusalCause } from '../redis/reply-error.ts';
import type { CallOptions, Redis } from '../redis/redis.ts';

export interface HealthDeps {
  readonly redis: Redis;
  readonly keeper: TokenKeeper;
  readonly clock: Clock;
  readonly keyRules: KeyRules;
  /** Whether anything is written at all: by clients, or from an origin. */
  readonly writes: boolean;
  readonly requestBudgetMs: number;
}

const headers = { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' };

// In different quarters of a cluster's slots (https://redis.io/docs/latest/commands/cluster-keyslot/), so that they
// are on different nodes.
const tags = ['a', 'b', 'c', 'd'];
// Nobody reads what is written, and it is gone when the next probe comes.
const writeScript = `return redis.call('SET', KEYS[1], '', 'PX', 1000)`;
// Anybody may ask as often as they like; a write costs more than a read.
const leastBetweenWritesMs = 250;
// A node that does not answer a write does not keep back that another one has answered a read.
const writeWaitMs = 250;

/** The process answers. */
export function live(): HttpHandler {
  return (request) => answer(request.method, 200, { status: 'live' });
}

/**
 * Reads would succeed now, for one was just tried; whether writes would is told by a field where they are refused.
 * One try at a time serves everybody who asks.
 */
export function ready(deps: HealthDeps): HttpHandler {
  const trial = new Trial(deps);
  let trying: Promise<Verdict> | undefined;
  return async ({ method }) => {
    trying ??= trial.run().finally(() => {
      trying = undefined;
    });
    const verdict = await trying;
    if (verdict.kind === 'ready') {
      const { tokenExpiresInSeconds, writesRefused } = verdict;
      const writes = writesRefused ? { writes: 'refused' } : {};
      return answer(method, 200, { status: 'ready', tokenExpiresInSeconds, ...writes });
    }
    const response = answer(method, 503, { status: 'unavailable' });
    return { ...response, headers: { ...headers, 'Retry-After': `${verdict.retryAfterSeconds ?? 1}` } };
  };
}

type Verdict =
  | { readonly kind: 'ready'; readonly tokenExpiresInSeconds: number; readonly writesRefused: boolean }
  | { readonly kind: 'unready'; readonly retryAfterSeconds: number | undefined };

class Trial {
  readonly #deps: HealthDeps;
  readonly #keys: readonly string[];
  #wroteAtMs = Number.NEGATIVE_INFINITY;
  #writesRefused = false;

  constructor(deps: HealthDeps) {
    this.#deps = deps;
    const { prefix, namespace } = deps.keyRules;
    // Where the keys of clients are, whatever an access policy says of others; no key over HTTP has a control character.
    this.#keys = tags.map((tag) => `${prefix}\u001F${namespace}:ready:{${tag}}`);
  }

  async run(): Promise<Verdict> {
    const { keeper, clock, requestBudgetMs } = this.#deps;
    const untilMs = deadlineAtMs(clock, requestBudgetMs);
    const reads = this.#keys.map(async (key) => this.#read(key, untilMs));
    const written = this.#tryWrites(reads, untilMs);
    try {
      await Promise.any(reads);
    } catch (error) {
      // Why is in the log: this route is open to anybody.
      const [first] = (error as AggregateError).errors as readonly unknown[];
      if (first instanceof AppError) return { kind: 'unready', retryAfterSeconds: first.retryAfterSeconds };
      throw first;
    }
    await Promise.race([written, delay(clock, writeWaitMs)]);
    const token = keeper.current();
    if (token === undefined) return { kind: 'unready', retryAfterSeconds: undefined };
    const tokenExpiresInSeconds = Math.floor(token.leftMs(clock) / 1000);
    return { kind: 'ready', tokenExpiresInSeconds, writesRefused: this.#writesRefused };
  }

  /** Writes are refused where the same node answers a read and refuses a write. Never rejects. */
  async #tryWrites(reads: readonly Promise<unknown>[], untilMs: number): Promise<void> {
    const { clock, writes } = this.#deps;
    const nowMs = clock.nowMs();
    if (!writes || nowMs - this.#wroteAtMs < leastBetweenWritesMs) return;
    this.#wroteAtMs = nowMs;
    const trials = this.#keys.map(async (key, index) => {
      const [read, write] = await Promise.allSettled([reads[index], this.#write(key, untilMs)]);
      return read.status === 'fulfilled' && write.status === 'rejected' && isRefusal(write.reason);
    });
    this.#writesRefused = (await Promise.all(trials)).includes(true);
  }

  async #read(key: string, untilMs: number): Promise<void> {
    await this.#deps.redis.run((client) => client.get(key), options(key, untilMs));
  }

  async #write(key: string, untilMs: number): Promise<void> {
    await this.#deps.redis.run((client) => client.eval(writeScript, { keys: [key] }), options(key, untilMs));
  }
}

function options(key: string, untilMs: number): CallOptions {
  return { key, deadlineAtMs: untilMs, idempotent: true };
}

function isRefusal(error: unknown): boolean {
  return refusalCause(error) !== undefined;
}

function answer(method: string, status: number, body: Readonly<Record<string, unknown>>): HttpResponseInit {
  return method === 'HEAD' ? { status, headers } : { status, headers, body: JSON.stringify(body) };
}
