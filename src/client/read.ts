// get and head: one entry, by its path, or by a batch where no path means its key.

import type { Clock } from '../util/clock.ts';
import { pathOf } from './address.ts';
import type { Answer, Exchange } from './answer.ts';
import { isStale, sourceOf, ttlSecondsOf } from './cache-status.ts';
import { exchangeRead, type ExchangeDeps } from './exchange.ts';
import { notRead, unexpected } from './outcome.ts';
import type { BatchItem, EntryState, GetResult, HeadResult } from './results.ts';
import type { CallOptions, Scope } from './scope.ts';
import { valueOfBytes } from './value.ts';

/** Options of `get` and `head`. */
export interface ReadOptions extends CallOptions {
  /** The tag of what the caller has: `not-modified` where it is current. A list of tags as in HTTP, or `*`. */
  readonly ifNoneMatch?: string | undefined;
  /** `precondition-failed` unless the entry has this tag. A list of tags as in HTTP, or `*`. */
  readonly ifMatch?: string | undefined;
}

export interface ReadDeps extends ExchangeDeps {
  /** With its slash at the end. */
  readonly entryUrl: string;
  readonly readBatch: (keys: readonly string[], scope: Scope) => Promise<readonly BatchItem[]>;
}

export async function get(
  deps: ReadDeps,
  key: string,
  options: ReadOptions,
  scope: Scope,
): Promise<GetResult> {
  const path = pathOf(key);
  if (path === undefined) return byBatch(deps, key, options, scope);
  const exchange = await ask(deps, 'GET', path, options, scope);
  const result = withoutValue(exchange, deps.clock);
  if (result.kind !== 'hit' || exchange.kind === 'failed')
    return result as Exclude<HeadResult, { kind: 'hit' }>;
  return { ...result, ...valueOfBytes(exchange.answer.body) };
}

export async function head(
  deps: ReadDeps,
  key: string,
  options: ReadOptions,
  scope: Scope,
): Promise<HeadResult> {
  const path = pathOf(key);
  if (path !== undefined) return withoutValue(await ask(deps, 'HEAD', path, options, scope), deps.clock);
  const result = await byBatch(deps, key, options, scope);
  return result.kind === 'hit' ? { kind: 'hit', ...stateOf(result) } : result;
}

async function ask(
  deps: ReadDeps,
  method: 'GET' | 'HEAD',
  path: string,
  { ifNoneMatch, ifMatch }: ReadOptions,
  scope: Scope,
): Promise<Exchange> {
  const headers = {
    ...(ifNoneMatch === undefined ? {} : { 'If-None-Match': ifNoneMatch }),
    ...(ifMatch === undefined ? {} : { 'If-Match': ifMatch }),
  };
  return exchangeRead(deps, { method, url: `${deps.entryUrl}${path}`, headers }, scope);
}

function withoutValue(exchange: Exchange, clock: Clock): HeadResult {
  if (exchange.kind === 'failed') return notRead(exchange, clock);
  const { answer } = exchange;
  const { status, problem, isProblem } = answer;
  if (status >= 200 && status < 300) return { kind: 'hit', ...ofTheApp(answer) };
  if (status === 304) return { kind: 'not-modified', ...ofTheApp(answer) };
  if (status === 404) {
    // The host's own 404, for an address that is no route, is no miss. That of HEAD has a type, and no body.
    if (!isProblem || (problem !== undefined && problem.code !== 'not-found')) unexpected(answer);
    return { kind: 'miss' };
  }
  if (status === 412) return { kind: 'precondition-failed' };
  return notRead(exchange, clock);
}

/** @throws CacheRequestError `unexpected-answer` for a page that something else serves at this address. */
function ofTheApp(answer: Answer): EntryState {
  const { status, headers, cacheStatus, isCrossOrigin } = answer;
  if (cacheStatus === undefined && !isCrossOrigin) unexpected(answer);
  const age = headers.get('age');
  return {
    status,
    headers,
    etag: headers.get('etag') ?? undefined,
    contentType: headers.get('content-type') ?? undefined,
    ageSeconds: age === null || !/^\d{1,15}$/u.test(age) ? undefined : Number(age),
    ttlSeconds: cacheStatus && ttlSecondsOf(cacheStatus),
    stale: cacheStatus && isStale(cacheStatus),
    source: cacheStatus && sourceOf(cacheStatus),
  };
}

async function byBatch(
  deps: ReadDeps,
  key: string,
  { ifNoneMatch, ifMatch }: ReadOptions,
  scope: Scope,
): Promise<GetResult> {
  const [item] = await deps.readBatch([key], scope);
  if (item === undefined) throw new TypeError('A batch of one key has one item.');
  const { key: _key, ...result } = item;
  if (result.kind !== 'hit') return result;
  const { etag, contentType } = result;
  const unknown = { ageSeconds: undefined, ttlSeconds: undefined, stale: undefined, source: undefined };
  const state = { etag, contentType, ...unknown, headers: new Headers() };
  if (ifMatch !== undefined && !names(ifMatch, etag)) return { kind: 'precondition-failed' };
  if (ifNoneMatch !== undefined && names(ifNoneMatch.replaceAll('W/', ''), etag.replace('W/', '')))
    return { kind: 'not-modified', ...state, status: 304 };
  return { ...result, ...state, status: 200 };
}

/** Whether a list of tags has this one. */
function names(field: string, etag: string): boolean {
  return field.trim() === '*' || field.split(',').some((tag) => tag.trim() === etag);
}

function stateOf({
  etag,
  contentType,
  ageSeconds,
  ttlSeconds,
  stale,
  source,
  status,
  headers,
}: EntryState): EntryState {
  return { etag, contentType, ageSeconds, ttlSeconds, stale, source, status, headers };
}
