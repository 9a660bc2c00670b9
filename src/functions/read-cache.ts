// GET and HEAD /api/cache/{*key}. Registered by app.ts.

import type { HttpHandler } from '@azure/functions';
import type { CacheAnswer } from '../cache/answer.ts';
import { deadlineAtMs } from '../http/budget.ts';
import { cacheStatus } from '../http/cache-headers.ts';
import { entryResponse } from '../http/entry-response.ts';
import { keyFromRoute } from '../cache/key.ts';
import { cacheUnavailable, problem, tooMuchAtOnce } from '../http/problem.ts';
import { readQuery } from '../http/query.ts';
import { charged } from './charged.ts';
import type { HttpDeps } from './deps.ts';

export function readCache(deps: HttpDeps): HttpHandler {
  return charged(deps.budget, async (request, charge) => {
    const untilMs = deadlineAtMs(deps.clock, deps.requestBudgetMs);
    const query = readQuery(request.query, deps.queryRule);
    if (!query.ok) return problem('invalid-query', query.detail);
    const name = keyFromRoute(request.params['key']) + query.suffix;
    const checked = deps.cache.keyOf(name);
    if (checked.kind === 'invalid') return problem('invalid-key', checked.detail);

    const result = await deps.cache.read(checked.key, untilMs, charge);
    const nowMs = deps.clock.wallMs();
    const status = { 'Cache-Status': cacheStatus(result, nowMs) };
    switch (result.kind) {
      case 'hit':
      case 'loaded':
        return entryResponse(request, result.entry, status, nowMs, charge);
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
        const { message, retryAfterSeconds, isOfOneEntry } = result.error;
        // Where the fault lies in what was asked for, asking again in a moment cannot help.
        const seconds = retryAfterSeconds ?? (isOfOneEntry ? undefined : 1);
        const retryAfter = seconds === undefined ? {} : { 'Retry-After': `${seconds}` };
        return problem('origin-failed', message, { ...status, ...retryAfter });
      }
      case 'origin-pending':
        return problem('origin-pending', 'The load goes on; ask again after the time in Retry-After.', {
          ...status,
          'Retry-After': '1',
        });
    }
  });
}

function missDetail(origin: Extract<CacheAnswer, { kind: 'miss' }>['origin']): string {
  if (origin === undefined) return 'The cache was asked and has no such entry.';
  if (origin === 'bypass') return 'The origin was asked and has no such entry; the cache cannot be asked.';
  return 'The cache and the origin were asked and have no such entry.';
}
