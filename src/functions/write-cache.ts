// PUT and DELETE /api/cache/{*key}: writes and removes one entry.

import type { HttpHandler, HttpRequest } from '@azure/functions';
import type { Cache } from '../cache/cache.ts';
import { isContentType, newEntry } from '../cache/entry.ts';
import { maxTtlSeconds } from '../cache/freshness.ts';
import type { EntryKey } from '../cache/key.ts';
import type { NotChanged, TagCondition } from '../cache/tier.ts';
import { checkPrefixes, type Caller } from '../http/callers/caller.ts';
import { writeCondition } from '../http/conditional.ts';
import { keyFromRoute } from '../http/entry-key.ts';
import { cacheUnavailable, entryNewer, Problem } from '../http/problem.ts';
import { parameterOf, rejectUnknown } from '../http/query.ts';
import { readBody } from '../http/request-body.ts';
import { tagsExpectation, tagsOfFields } from '../origin/tags.ts';
import { httpHandler, type HandlerDeps } from './handler.ts';

export interface RemoveCacheDeps extends HandlerDeps {
  readonly cache: Pick<Cache, 'keyOf' | 'remove'>;
  readonly writesEnabled: boolean;
}

export interface WriteCacheDeps extends HandlerDeps {
  readonly cache: Pick<Cache, 'keyOf' | 'write'>;
  readonly writesEnabled: boolean;
  readonly defaultTtlSeconds: number;
  readonly maxValueBytes: number;
}

export function writeCache(deps: WriteCacheDeps): HttpHandler {
  const { cache, clock, defaultTtlSeconds, maxValueBytes } = deps;
  return httpHandler(deps, async (request, { deadlineAtMs, charge, caller }) => {
    const { key, condition } = targetOf(request, caller, deps);
    const ttlSeconds = ttlOf(request) ?? defaultTtlSeconds;
    const contentType = contentTypeOf(request);
    const tags = tagsOf(request);
    const body = await readBody(request, { maxBytes: maxValueBytes, tooLarge: 'value-too-large', charge });
    const entry = newEntry(body, contentType, clock.wallMs(), ttlSeconds, tags);
    const result = await cache.write(key, entry, condition, deadlineAtMs, charge);
    if (result.kind !== 'created' && result.kind !== 'replaced') throw problemOf(result);
    return { status: result.kind === 'created' ? 201 : 204, headers: { ETag: `"${entry.etag}"` } };
  });
}

export function removeCache(deps: RemoveCacheDeps): HttpHandler {
  return httpHandler(deps, async (request, { deadlineAtMs, caller }) => {
    const { key, condition } = targetOf(request, caller, deps);
    const result = await deps.cache.remove(key, condition, deadlineAtMs);
    if (result.kind !== 'removed' && result.kind !== 'absent') throw problemOf(result);
    return { status: 204 };
  });
}

interface Target {
  readonly key: EntryKey;
  readonly condition: TagCondition;
}

/** What is to be changed, and in which state it has to be. */
function targetOf(
  request: HttpRequest,
  caller: Caller,
  { cache, writesEnabled }: Pick<WriteCacheDeps | RemoveCacheDeps, 'cache' | 'writesEnabled'>,
): Target {
  if (!writesEnabled) {
    throw new Problem('writes-disabled', 'It takes no writes over HTTP.', { Allow: 'GET, HEAD' });
  }
  rejectUnknown(request.query, ['ttl']);
  const key = keyFromRoute(request, cache);
  checkPrefixes(caller, [key.name]);
  return { key, condition: writeCondition(request) };
}

function ttlOf(request: HttpRequest): number | undefined {
  const text = parameterOf(request.query, 'ttl');
  if (text === undefined) return undefined;
  const ttlSeconds = /^\d{1,9}$/u.test(text) ? Number(text) : 0;
  if (ttlSeconds >= 1 && ttlSeconds <= maxTtlSeconds) return ttlSeconds;
  throw new Problem('invalid-ttl', `Expected a whole number of seconds from 1 to ${maxTtlSeconds}.`);
}

/** The type is all that an entry says of its bytes: a coding would be lost, and a part would become the whole. */
function contentTypeOf({ headers }: HttpRequest): string {
  const contentType = headers.get('content-type') || 'application/octet-stream';
  if (!isContentType(contentType)) {
    const detail = 'Expected a Content-Type of 1 to 255 printable ASCII characters.';
    throw new Problem('invalid-header', detail);
  }
  const codings = (headers.get('content-encoding') ?? '').split(',').map((coding) => coding.trim());
  if (!codings.every((coding) => ['', 'identity'].includes(coding.toLowerCase()))) {
    const accepted = { 'Accept-Encoding': 'identity' };
    throw new Problem('unsupported-encoding', 'Send the bytes without a Content-Encoding.', accepted);
  }
  // RFC 9110, section 14.5.
  if (!headers.has('content-range')) return contentType;
  throw new Problem('invalid-header', 'A value is written whole: Content-Range is not supported.');
}

function tagsOf({ headers }: HttpRequest): readonly string[] | undefined {
  const [cacheTag, surrogateKey] = [headers.get('cache-tag'), headers.get('surrogate-key')];
  const tags = tagsOfFields({
    ...(cacheTag === null ? {} : { 'cache-tag': cacheTag }),
    ...(surrogateKey === null ? {} : { 'surrogate-key': surrogateKey }),
  });
  if (tags !== 'invalid') return tags;
  const detail = `Expected ${tagsExpectation}: separated by commas in Cache-Tag, by spaces in Surrogate-Key.`;
  throw new Problem('invalid-header', detail);
}

function problemOf(result: NotChanged): Problem {
  switch (result.kind) {
    case 'precondition-failed': {
      const detail = 'The entry has changed, exists already, or is gone. Read it again.';
      return new Problem('precondition-failed', detail);
    }
    case 'wrong-type':
      return new Problem('wrong-type', 'Only Redis strings can be written over HTTP.');
    case 'entry-newer':
      return entryNewer();
    case 'unavailable': {
      if (result.applied === 'no') return cacheUnavailable(result.error);
      const detail =
        'The connection was lost, or the time was up, after the write was sent. Writes are never repeated by themselves: read the entry, then write with If-Match.';
      return new Problem('write-outcome-unknown', detail, { 'Retry-After': '1' });
    }
  }
}
