// GET and HEAD /api/cache/{*key}. Registered by main.ts.

import type { HttpHandler, HttpRequest, HttpResponseInit } from '@azure/functions';
import type { Entry } from '../cache/entry.ts';
import { deadlineAtMs } from '../http/budget.ts';
import { freshnessHeaders, missStatus, unavailableStatus } from '../http/cache-headers.ts';
import { isNotModified } from '../http/conditional.ts';
import { checkKey, keyFromRoute } from '../http/key.ts';
import { cacheUnavailable, problem } from '../http/problem.ts';
import type { HttpDeps } from './deps.ts';

export function readCache(deps: HttpDeps): HttpHandler {
  return async (request): Promise<HttpResponseInit> => {
    const deadline = deadlineAtMs(deps.clock, deps.requestBudgetMs);
    const key = checkKey(keyFromRoute(request.params['key']), deps.keyRules);
    if (!key.ok) return problem('invalid-key', key.detail);

    const result = await deps.store.read(key.redisKey, deadline);
    switch (result.kind) {
      case 'hit':
        return respond(request, result.entry, deps.clock.nowMs());
      case 'miss':
        return problem('not-found', 'The cache was asked and has no such entry.', {
          'Cache-Status': missStatus,
        });
      case 'wrong-type':
        return problem('wrong-type', 'Only Redis strings can be read over HTTP.');
      case 'unavailable':
        return cacheUnavailable(result.error.retryAfterSeconds, { 'Cache-Status': unavailableStatus });
    }
  };
}

function respond(request: HttpRequest, entry: Entry, nowMs: number): HttpResponseInit {
  const headers: Record<string, string> = { ETag: `"${entry.etag}"`, ...freshnessHeaders(entry, nowMs) };
  if (isNotModified(request.headers.get('if-none-match'), entry.etag)) return { status: 304, headers };
  headers['Content-Type'] = entry.contentType;
  // What is cached is data: a browser must neither guess its type nor run it as a page of this origin.
  headers['X-Content-Type-Options'] = 'nosniff';
  headers['Content-Security-Policy'] = 'sandbox';
  headers['Content-Length'] = `${entry.body.length}`;
  return request.method === 'HEAD' ? { status: 200, headers } : { status: 200, headers, body: entry.body };
}
