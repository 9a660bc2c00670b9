// put and delete: one entry, written or removed once, and never again by itself.

import { pathOf } from './address.ts';
import type { Exchange } from './answer.ts';
import { exchangeOnce, type CacheRequest, type ExchangeDeps } from './exchange.ts';
import { notApplied, unexpected } from './outcome.ts';
import { CacheRequestError } from './request-error.ts';
import type { DeleteResult, NotApplied, PreconditionFailed, PutResult } from './results.ts';
import type { CallOptions, Scope } from './scope.ts';

/** What can be written: text, bytes, or what is to be stored as JSON. */
export type PutValue = string | Uint8Array | ArrayBuffer | { readonly json: unknown };

/** Options of `put`. At most one of the three conditions. */
export interface PutOptions extends CallOptions {
  /** `text/plain; charset=utf-8` of text, `application/json` of JSON, else `application/octet-stream` where undefined. */
  readonly contentType?: string | undefined;
  /** Whole seconds, 1 to 31,536,000; the app's `CACHE_DEFAULT_TTL_SECONDS` where undefined. */
  readonly ttlSeconds?: number | undefined;
  /** Labels by which it can be purged: at most 64, each of 1 to 128 characters of printable ASCII without space and comma. */
  readonly tags?: readonly string[] | undefined;
  /** Only where there is no such entry. */
  readonly ifAbsent?: boolean | undefined;
  /** Only where the entry has this tag: as `get`, `head` or `put` gave it. `*`: where there is one. */
  readonly ifMatch?: string | undefined;
  /** Only where the entry has not this tag. */
  readonly ifNoneMatch?: string | undefined;
}

/** Options of `delete`. */
export interface DeleteOptions extends CallOptions {
  /** Only where the entry has this tag. */
  readonly ifMatch?: string | undefined;
}

export interface WriteDeps extends ExchangeDeps {
  /** With its slash at the end. */
  readonly entryUrl: string;
}

export async function put(
  deps: WriteDeps,
  key: string,
  value: PutValue,
  options: PutOptions,
  scope: Scope,
): Promise<PutResult> {
  const { ttlSeconds } = options;
  const { body, type } = bodyOf(value);
  const query = ttlSeconds === undefined ? '' : `?ttl=${encodeURIComponent(ttlSeconds)}`;
  const ifNoneMatch = options.ifAbsent === true ? '*' : options.ifNoneMatch;
  const headers = {
    'Content-Type': options.contentType ?? type,
    ...conditions({ ...options, ifNoneMatch }),
    ...(options.tags === undefined || options.tags.length === 0
      ? {}
      : { 'Cache-Tag': tagField(options.tags) }),
  };
  const url = `${deps.entryUrl}${addressed(key)}${query}`;
  const exchange = await exchangeOnce(deps, { method: 'PUT', url, headers, body }, scope);
  if (exchange.kind === 'answered') {
    const { status, headers: fields } = exchange.answer;
    const etag = fields.get('etag') ?? undefined;
    if (status === 201) return { kind: 'created', etag };
    if (status === 204) return { kind: 'replaced', etag };
  }
  return notChanged(deps, exchange);
}

export async function remove(
  deps: WriteDeps,
  key: string,
  options: DeleteOptions,
  scope: Scope,
): Promise<DeleteResult> {
  const request: CacheRequest = {
    method: 'DELETE',
    url: `${deps.entryUrl}${addressed(key)}`,
    headers: conditions(options),
  };
  const exchange = await exchangeOnce(deps, request, scope);
  return exchange.kind === 'answered' && exchange.answer.status === 204
    ? { kind: 'deleted' }
    : notChanged(deps, exchange);
}

function notChanged({ clock }: WriteDeps, exchange: Exchange): PreconditionFailed | NotApplied {
  if (exchange.kind === 'answered') {
    const { status } = exchange.answer;
    if (status === 412) return { kind: 'precondition-failed' };
    if (status > 0 && status < 400) unexpected(exchange.answer);
  }
  return notApplied(exchange, clock);
}

/** @throws CacheRequestError `invalid-key`: what cannot be addressed must not change another entry. */
function addressed(key: string): string {
  const path = pathOf(key);
  if (path !== undefined) return path;
  const detail =
    'A key that is "." or "..", or that contains "%2F", can be read and purged, and not written over HTTP.';
  throw new CacheRequestError('invalid-key', detail);
}

function conditions(options: {
  readonly ifMatch?: string | undefined;
  readonly ifNoneMatch?: string | undefined;
}): Readonly<Record<string, string>> {
  const { ifMatch, ifNoneMatch } = options;
  return {
    ...(ifMatch === undefined ? {} : { 'If-Match': ifMatch }),
    ...(ifNoneMatch === undefined ? {} : { 'If-None-Match': ifNoneMatch }),
  };
}

/** @throws CacheRequestError `invalid-header`: a comma in a tag would make two of it. */
function tagField(tags: readonly string[]): string {
  if (tags.every((tag) => /^[!-+\--~]{1,128}$/u.test(tag))) return tags.join(',');
  const detail = 'A tag has 1 to 128 characters of printable ASCII without space and comma.';
  throw new CacheRequestError('invalid-header', detail);
}

interface Body {
  readonly body: string | Uint8Array | ArrayBuffer;
  readonly type: string;
}

function bodyOf(value: PutValue): Body {
  if (typeof value === 'string') return { body: value, type: 'text/plain; charset=utf-8' };
  if (value instanceof Uint8Array || value instanceof ArrayBuffer)
    return { body: value, type: 'application/octet-stream' };
  return { body: jsonOf(value), type: 'application/json' };
}

function jsonOf(value: { readonly json: unknown }): string {
  try {
    const text: unknown = JSON.stringify(value.json);
    if (typeof text === 'string') return text;
  } catch {
    // What is thrown may quote the value.
  }
  throw new CacheRequestError('value-invalid', 'The value cannot be made JSON.');
}
