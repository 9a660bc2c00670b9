// GET and HEAD /api/health/live and /api/health/ready, open to anybody: whether the process answers, and whether what
// all functions need of Redis works now.

import type { HttpHandler, HttpResponseInit } from '@azure/functions';
import type { TokenKeeper } from '../auth/token-keeper.ts';
import type { KeyRules } from '../cache/key.ts';
import { ownMark } from '../redis/own-name.ts';
import type { Redis, RedisClient } from '../redis/redis.ts';
import { refusalCause } from '../redis/reply-error.ts';
import { fulfilledWithin } from '../util/deadline.ts';
import { AppError } from '../util/errors.ts';
import { SingleFlight } from '../util/single-flight.ts';
import { httpHandler, type HandlerDeps } from './handler.ts';

export interface HealthDeps extends HandlerDeps {
  readonly redis: Pick<Redis, 'run'>;
  readonly keeper: Pick<TokenKeeper, 'current'>;
  readonly keyRules: KeyRules;
  /** Whether anything is written at all: by clients, or from an origin. */
  readonly writes: boolean;
}

// In different quarters of a cluster's slots (https://redis.io/docs/latest/commands/cluster-keyslot/), so that they
// are on different nodes.
const tags = ['a', 'b', 'c', 'd'];
// Nobody reads what is written, and it is gone when the next probe comes.
const writeScript = `return redis.call('SET', KEYS[1], '', 'PX', 1000)`;
// Anybody may ask as often as they like, and a write costs more than a read.
const minWriteIntervalMs = 250;
// A node that does not answer a write must not delay the answer that another node's read has given.
const writeWaitMs = 250;

/** The process answers. */
export function live(deps: HandlerDeps): HttpHandler {
  return httpHandler(deps, async () => json(200, { status: 'live' }));
}

/** A read has just succeeded; a field says so where writes are refused. One check at a time serves all requests. */
export function ready(deps: HealthDeps): HttpHandler {
  const check = new ReadinessCheck(deps);
  const checks = new SingleFlight<Readiness>();
  return httpHandler(deps, async (_request, { deadlineAtMs }) => {
    const readiness = await checks.do('ready', () => check.run(deadlineAtMs)).result;
    if (readiness.kind === 'unavailable') {
      const retryAfter = { 'Retry-After': `${readiness.retryAfterSeconds ?? 1}` };
      return json(503, { status: 'unavailable' }, retryAfter);
    }
    const { tokenExpiresInSeconds, writesRefused } = readiness;
    const writes = writesRefused ? { writes: 'refused' } : {};
    return json(200, { status: 'ready', tokenExpiresInSeconds, ...writes });
  });
}

type Readiness =
  | { readonly kind: 'ready'; readonly tokenExpiresInSeconds: number; readonly writesRefused: boolean }
  | { readonly kind: 'unavailable'; readonly retryAfterSeconds: number | undefined };

class ReadinessCheck {
  readonly #deps: HealthDeps;
  readonly #keys: readonly string[];
  #wroteAtMs = Number.NEGATIVE_INFINITY;
  #writesRefused = false;

  constructor(deps: HealthDeps) {
    this.#deps = deps;
    const { prefix, namespace } = deps.keyRules;
    // With the prefix of clients' keys, because an access policy may allow no others; with a control character, which
    // no key over HTTP has.
    this.#keys = tags.map((tag) => `${prefix}${ownMark}${namespace}:ready:{${tag}}`);
  }

  /** The reason for an outage is in the log only: this route is open to anybody. */
  async run(deadlineAtMs: number): Promise<Readiness> {
    const { keeper, clock } = this.#deps;
    const reads = this.#keys.map(async (key) => this.#run(key, deadlineAtMs, (client) => client.get(key)));
    const writesTried = this.#tryWrites(reads, deadlineAtMs);
    try {
      await Promise.any(reads);
    } catch (error) {
      const [first] = (error as AggregateError).errors as readonly unknown[];
      if (!(first instanceof AppError)) throw first;
      return { kind: 'unavailable', retryAfterSeconds: first.retryAfterSeconds };
    }
    await fulfilledWithin(clock, writeWaitMs, writesTried);
    const token = keeper.current();
    if (token === undefined) return { kind: 'unavailable', retryAfterSeconds: undefined };
    const tokenExpiresInSeconds = Math.floor(token.leftMs(clock) / 1000);
    return { kind: 'ready', tokenExpiresInSeconds, writesRefused: this.#writesRefused };
  }

  /** Writes are refused where the same node answers a read and refuses a write. Never rejects. */
  async #tryWrites(reads: readonly Promise<unknown>[], deadlineAtMs: number): Promise<void> {
    const { clock, writes } = this.#deps;
    const nowMs = clock.nowMs();
    if (!writes || nowMs - this.#wroteAtMs < minWriteIntervalMs) return;
    this.#wroteAtMs = nowMs;
    const refused = this.#keys.map(async (key, index) => {
      const written = this.#run(key, deadlineAtMs, (client) => client.eval(writeScript, { keys: [key] }));
      const [read, write] = await Promise.allSettled([reads[index], written]);
      return (
        read.status === 'fulfilled' && write.status === 'rejected' && refusalCause(write.reason) !== undefined
      );
    });
    this.#writesRefused = (await Promise.all(refused)).includes(true);
  }

  async #run(
    key: string,
    deadlineAtMs: number,
    work: (client: RedisClient) => Promise<unknown>,
  ): Promise<unknown> {
    return this.#deps.redis.run(work, { key, deadlineAtMs, idempotent: true });
  }
}

function json(
  status: number,
  body: Readonly<Record<string, unknown>>,
  headers: Readonly<Record<string, string>> = {},
): HttpResponseInit {
  const common = { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' };
  return { status, headers: { ...common, ...headers }, body: JSON.stringify(body) };
}
