// GET and HEAD /api/cache/{*key}. Registered by app.ts.

import type { HttpHandler, HttpRequest, HttpResponseInit } from '@azure/functions';
import type { Entry } from '../cache/entry.ts';
import type { ReadThroughResult } from '../cache/read-through.ts';
import { deadlineAtMs } from '../http/budget.ts';
import { cacheStatus, freshnessHeaders } from '../http/cache-headers.ts';
import { isMatch, isNotModified } from '../http/conditional.ts';
import { checkKey, keyFromRoute } from '../http/key.ts';
import { cacheUnavailable, problem, tooMuchAtOnce } from '../http/problem.ts';
import { charged, type BytesResponse } from './charged.ts';
import type { HttpDeps } from './deps.ts';

export function readCache(deps: HttpDeps): HttpHandler {
  return charged(deps.budget, async (request, charge) => {
    const untilMs = deadlineAtMs(deps.clock, deps.requestBudgetMs);
    const name = keyFromRoute(request.params['key']);
    const key = checkKey(name, deps.keyRules);
    if (!key.ok) return problem('invalid-key', key.detail);

    const result = await deps.readThrough.read({ name, redisKey: key.redisKey }, untilMs, charge);
    const nowMs = deps.clock.wallMs();
    const status = { 'Cache-Status': cacheStatus(result, nowMs) };
    switch (result.kind) {
      case 'hit':
      case 'loaded':
        return respond(request, result.entry, status, freshnessHeaders(result.entry, nowMs));
      case 'miss':
        return problem('not-found', missDetail(result.origin), status);
      case 'wrong-type':
        return problem('wrong-type', 'Only Redis strings can be read over HTTP.', status);
      case 'stored-value-too-large':
      case 'answer-too-large':
        return problem(
          'stored-value-too-large',
          `At most ${deps.maxValueBytes} bytes are served: CACHE_MAX_VALUE_BYTES.`,
          status,
        );
      case 'overloaded':
        return tooMuchAtOnce(status);
      case 'unavailable':
        return cacheUnavailable(result.error.retryAfterSeconds, status);
      case 'origin-failed': {
        const retryAfter = { 'Retry-After': `${result.error.retryAfterSeconds ?? 1}` };
        return problem('origin-failed', result.error.message, {
          ...status,
          ...retryAfter,
        });
      }
      case 'origin-pending':
        return problem('origin-pending', 'The load goes on; ask again after the time in Retry-After.', {
          ...status,
          'Retry-After': '1',
        });
    }
  });
}

function missDetail(origin: Extract<ReadThroughResult, { kind: 'miss' }>['origin']): string {
  if (origin === undefined) return 'The cache was asked and has no such entry.';
  if (origin === 'bypass') return 'The origin was asked and has no such entry; the cache cannot be asked.';
  return 'The cache and the origin were asked and have no such entry.';
}

function respond(
  request: HttpRequest,
  entry: Entry,
  cacheStatusHeader: Readonly<Record<string, string>>,
  freshness: Readonly<Record<string, string>>,
): HttpResponseInit | BytesResponse {
  const validated = { ETag: `"${entry.etag}"`, ...cacheStatusHeader };
  if (!isMatch(request.headers.get('if-match'), entry.etag)) {
    return problem('precondition-failed', 'The entry is in another state than If-Match names.', validated);
  }
  const headers: Record<string, string> = { ...validated, ...freshness };
  if (isNotModified(request.headers.get('if-none-match'), entry.etag)) return { status: 304, headers };
  headers['Content-Type'] = entry.contentType;
  // What is cached is data: a browser must neither guess its type nor run it as a page of this origin.
  headers['X-Content-Type-Options'] = 'nosniff';
  headers['Content-Security-Policy'] = 'sandbox';
  headers['Content-Length'] = `${entry.body.length}`;
  return request.method === 'HEAD'
    ? { status: 200, headers }
    : { status: 200, headers, pieces: [entry.body] };
}
