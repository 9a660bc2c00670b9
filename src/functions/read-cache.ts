// GET and HEAD /api/cache/{*key}: reads one entry.

import type { HttpHandler, HttpResponseInit } from '@azure/functions';
import type { CacheAnswer } from '../cache/answer.ts';
import type { Cache } from '../cache/cache.ts';
import { discardDamaged } from '../cache/damaged.ts';
import type { BytesResponse } from '../http/bytes-response.ts';
import { checkPrefixes } from '../http/callers/caller.ts';
import { cacheStatus } from '../http/cache-headers.ts';
import { keyFromRoute } from '../http/entry-key.ts';
import { entryResponse } from '../http/entry-response.ts';
import {
  cacheUnavailable,
  entryNewer,
  originFailed,
  overloaded,
  Problem,
  type Headers,
} from '../http/problem.ts';
import { keySuffix, type QueryRule } from '../http/query.ts';
import type { Emit } from '../telemetry/events.ts';
import { httpHandler, type HandlerDeps } from './handler.ts';

export interface ReadCacheDeps extends HandlerDeps {
  readonly cache: Pick<Cache, 'keyOf' | 'read' | 'remove'>;
  readonly emit: Emit;
  readonly queryRule: QueryRule;
  readonly maxValueBytes: number;
}

export function readCache(deps: ReadCacheDeps): HttpHandler {
  const { cache, clock, queryRule, maxValueBytes } = deps;
  return httpHandler(deps, async (request, { deadlineAtMs, charge, caller }) => {
    const key = keyFromRoute(request, cache, keySuffix(request.query, queryRule));
    checkPrefixes(caller, [key.name]);
    const answerTo = async (isSecond: boolean): Promise<HttpResponseInit | BytesResponse> => {
      const answer = await cache.read(key, deadlineAtMs, { charge });
      const nowMs = clock.wallMs();
      const headers = { 'Cache-Status': cacheStatus(answer, nowMs) };
      if (answer.kind !== 'hit' && answer.kind !== 'loaded') throw problemOf(answer, headers, maxValueBytes);
      const { entry } = answer;
      const response = await entryResponse(request, entry, headers, nowMs, charge);
      if (!('kind' in response)) return response;
      if (isSecond) {
        const miss = { kind: 'miss', origin: undefined } as const;
        throw problemOf(miss, { 'Cache-Status': cacheStatus(miss, nowMs) }, maxValueBytes);
      }
      await discardDamaged(deps, key, entry, deadlineAtMs);
      return answerTo(true);
    };
    return answerTo(false);
  });
}

function problemOf(
  answer: Exclude<CacheAnswer, { kind: 'hit' | 'loaded' }>,
  headers: Headers,
  maxValueBytes: number,
): Problem {
  switch (answer.kind) {
    case 'miss':
      return new Problem('not-found', missDetail(answer.origin), headers);
    case 'wrong-type':
      return new Problem('wrong-type', 'Only Redis strings can be read over HTTP.', headers);
    case 'stored-value-too-large':
    case 'answer-too-large': {
      const detail = `At most ${maxValueBytes} bytes are served.`;
      return new Problem('stored-value-too-large', detail, headers);
    }
    case 'overloaded':
      return overloaded(headers);
    case 'entry-newer':
      return entryNewer(headers);
    case 'unavailable':
      return cacheUnavailable(answer.error, headers);
    case 'origin-failed':
      return originFailed(answer.error, headers);
    case 'origin-pending': {
      const detail = 'The load goes on; ask again after the time in Retry-After.';
      return new Problem('origin-pending', detail, { ...headers, 'Retry-After': '1' });
    }
  }
}

function missDetail(origin: Extract<CacheAnswer, { kind: 'miss' }>['origin']): string {
  if (origin === undefined) return 'The cache was asked and has no such entry.';
  if (origin === 'bypass') return 'The origin was asked and has no such entry; the cache cannot be asked.';
  return 'The cache and the origin were asked and have no such entry.';
}
