// One request and its answer, with the caller's identity, within the time of a call; reads are tried again.

import type { Clock } from '../util/clock.ts';
import { readAnswer, type Exchange } from './answer.ts';
import type { Identity, IdentityField } from './identity.ts';
import { CacheRequestError } from './request-error.ts';
import { retryDelayMs } from './retry.ts';
import type { Scope } from './scope.ts';

export interface CacheRequest {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'DELETE' | 'POST';
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array | ArrayBuffer;
}

export interface ExchangeDeps {
  readonly fetch: typeof fetch;
  readonly identity: Identity;
  readonly clock: Clock;
  readonly random: () => number;
  /** How many further attempts a read has. */
  readonly retries: number;
}

/** @throws the reason of the caller's signal; CacheRequestError for what no request can carry. */
export async function exchangeRead(
  deps: ExchangeDeps,
  request: CacheRequest,
  scope: Scope,
): Promise<Exchange> {
  for (let attempt = 1; ; attempt += 1) {
    const exchange = await exchangeOnce(deps, request, scope);
    if (attempt > deps.retries) return exchange;
    const delayMs = retryDelayMs(exchange, attempt, deps.clock.wallMs(), deps.random);
    // What was said last is better than waiting in vain.
    if (delayMs === undefined || delayMs >= scope.leftMs()) return exchange;
    await scope.wait(delayMs);
  }
}

/** A request that is sent once, but for one that was answered with 401: that has done nothing. */
export async function exchangeOnce(
  deps: ExchangeDeps,
  request: CacheRequest,
  scope: Scope,
): Promise<Exchange> {
  const { identity } = deps;
  const first = await fieldOf(identity.field(), scope);
  if ('kind' in first) return first;
  const exchange = await send(deps, request, first.field, scope);
  if (first.field === undefined || exchange.kind === 'failed' || exchange.answer.status !== 401)
    return exchange;
  const second = await fieldOf(identity.another(first.field), scope);
  if ('kind' in second || second.field === undefined) return exchange;
  return send(deps, request, second.field, scope);
}

type Failed = Extract<Exchange, { kind: 'failed' }>;

async function fieldOf(
  asking: Promise<IdentityField | undefined>,
  scope: Scope,
): Promise<{ readonly field: IdentityField | undefined } | Failed> {
  try {
    return { field: await scope.race(asking) };
  } catch (error) {
    return failed('token-unavailable', false, error, scope);
  }
}

async function send(
  { fetch: ask }: ExchangeDeps,
  request: CacheRequest,
  field: IdentityField | undefined,
  scope: Scope,
): Promise<Exchange> {
  const { method, url, body } = request;
  const headers = headersOf(request, field);
  try {
    const response = await scope.race(
      ask(url, {
        method,
        headers,
        signal: scope.signal,
        // Fields such as a function key would go along to wherever it leads.
        redirect: 'manual',
        // A browser would answer from what it has read before, whatever has been purged since.
        cache: 'no-store',
        ...(body === undefined ? {} : { body }),
      }),
    );
    return { kind: 'answered', answer: await scope.race(readAnswer(response)) };
  } catch (error) {
    return failed('network-failed', !isBeforeSending(error), error, scope);
  }
}

function headersOf({ headers }: CacheRequest, field: IdentityField | undefined): Headers {
  try {
    const all = new Headers(headers);
    if (field !== undefined) all.set(...field);
    return all;
  } catch {
    // What is thrown quotes the field, which may be the token.
    throw new CacheRequestError(
      'invalid-header',
      'A field of the request has characters that no header can have.',
    );
  }
}

/** @throws the reason of the caller's signal, where that has ended the call. */
function failed(code: Failed['code'], maybeSent: boolean, cause: unknown, scope: Scope): Failed {
  if (scope.isTimeUp()) return { kind: 'failed', code: 'deadline-exceeded', maybeSent, cause: undefined };
  if (scope.signal.aborted) throw scope.signal.reason;
  return { kind: 'failed', code, maybeSent, cause };
}

const beforeSending: readonly unknown[] = [
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'UND_ERR_CONNECT_TIMEOUT',
];

/** Whether there was no connection: Node.js says so, browsers do not. */
function isBeforeSending(error: unknown): boolean {
  const { cause } = (error ?? {}) as { readonly cause?: { readonly code?: unknown } };
  return beforeSending.includes(cause?.code);
}
