// PUT and DELETE /api/cache/{*key}. Registered by app.ts.

import type { HttpHandler, HttpRequest, HttpResponseInit } from '@azure/functions';
import { isContentType, newEntry } from '../cache/entry.ts';
import { maxTtlSeconds } from '../cache/freshness.ts';
import type { NotChanged, WriteCondition } from '../cache/tier.ts';
import { withheldBody } from '../http/request-body.ts';
import { deadlineAtMs } from '../http/budget.ts';
import { writeCondition } from '../http/conditional.ts';
import { keyFromRoute, type EntryKey } from '../cache/key.ts';
import { cacheUnavailable, problem, tooMuchAtOnce } from '../http/problem.ts';
import { checkParameters, parameterOf } from '../http/query.ts';
import { charged } from './charged.ts';
import type { WriteDeps } from './deps.ts';

/** A write that has passed the checks every write shares, or the answer to one that has not. */
type Checked =
  | { readonly ok: true; readonly key: EntryKey; readonly condition: WriteCondition }
  | { readonly ok: false; readonly response: HttpResponseInit };

export function writeCache(deps: WriteDeps): HttpHandler {
  return charged(deps.budget, async (request, charge) => {
    const untilMs = deadlineAtMs(deps.clock, deps.requestBudgetMs);
    const checked = checkWrite(request, deps);
    if (!checked.ok) return checked.response;

    const ttlSeconds = readTtl(request, deps.defaultTtlSeconds);
    if (ttlSeconds === undefined) {
      return problem('invalid-ttl', `Expected a whole number of seconds from 1 to ${maxTtlSeconds}.`);
    }
    const contentType = request.headers.get('content-type') || 'application/octet-stream';
    if (!isContentType(contentType)) {
      return problem('invalid-header', 'Expected a Content-Type of 1 to 255 printable ASCII characters.');
    }
    const unfit = unfitBody(request);
    if (unfit !== undefined) return unfit;
    const tooLarge = problem('value-too-large', `At most ${deps.maxValueBytes} bytes are accepted.`);
    const announcedBytes = Number(request.headers.get('content-length') ?? 0);
    if (announcedBytes > deps.maxValueBytes) return tooLarge;
    if (!charge.takeValue(announcedBytes)) return tooMuchAtOnce();
    const body = Buffer.from(await request.arrayBuffer());
    if (body.length > deps.maxValueBytes) return tooLarge;
    const withheld = withheldBody(request, body.length);
    if (withheld !== undefined) return withheld;

    const entry = newEntry(body, contentType, deps.clock.wallMs(), ttlSeconds);
    const result = await deps.cache.write(checked.key, entry, checked.condition, untilMs, charge);
    const headers = { ETag: `"${entry.etag}"` };
    if (result.kind === 'created') return { status: 201, headers };
    if (result.kind === 'replaced') return { status: 204, headers };
    return refusal(result);
  });
}

export function removeCache(deps: WriteDeps): HttpHandler {
  return async (request): Promise<HttpResponseInit> => {
    const untilMs = deadlineAtMs(deps.clock, deps.requestBudgetMs);
    const checked = checkWrite(request, deps);
    if (!checked.ok) return checked.response;
    const result = await deps.cache.remove(checked.key, checked.condition, untilMs);
    return result.kind === 'removed' || result.kind === 'absent' ? { status: 204 } : refusal(result);
  };
}

function checkWrite(request: HttpRequest, deps: WriteDeps): Checked {
  if (!deps.writesEnabled) {
    const response = problem('writes-disabled', 'CACHE_WRITES is "disabled".', { Allow: 'GET, HEAD' });
    return { ok: false, response };
  }
  const query = checkParameters(request.query, ['ttl']);
  if (!query.ok) return { ok: false, response: problem('invalid-query', query.detail) };
  const key = deps.cache.keyOf(keyFromRoute(request.params['key']));
  if (key.kind === 'invalid') return { ok: false, response: problem('invalid-key', key.detail) };
  const condition = writeCondition(request.headers.get('if-match'), request.headers.get('if-none-match'));
  if (condition === 'malformed') {
    const detail = 'Expected * or a list of quoted entity tags, in either If-Match or If-None-Match.';
    return { ok: false, response: problem('invalid-header', detail) };
  }
  return { ok: true, key: key.key, condition };
}

/** What would be stored as something else than it is: an entry is whole, and says of its bytes only their type. */
function unfitBody({ headers }: HttpRequest): HttpResponseInit | undefined {
  const codings = (headers.get('content-encoding') ?? '').split(',').map((coding) => coding.trim());
  if (!codings.every((coding) => ['', 'identity'].includes(coding.toLowerCase()))) {
    const accepted = { 'Accept-Encoding': 'identity' };
    return problem('unsupported-encoding', 'Send the bytes without a Content-Encoding.', accepted);
  }
  // RFC 9110, section 14.5.
  if (!headers.has('content-range')) return undefined;
  return problem('invalid-header', 'A value is written whole: Content-Range is not supported.');
}

function readTtl(request: HttpRequest, defaultTtlSeconds: number): number | undefined {
  const text = parameterOf(request.query, 'ttl');
  if (text === undefined) return defaultTtlSeconds;
  const ttlSeconds = /^\d{1,9}$/u.test(text) ? Number(text) : 0;
  return ttlSeconds >= 1 && ttlSeconds <= maxTtlSeconds ? ttlSeconds : undefined;
}

function refusal(result: NotChanged): HttpResponseInit {
  switch (result.kind) {
    case 'precondition-failed':
      return problem(
        'precondition-failed',
        'The entry has changed, exists already, or is gone. Read it again.',
      );
    case 'wrong-type':
      return problem('wrong-type', 'Only Redis strings can be written over HTTP.');
    case 'unavailable': {
      if (result.applied === 'no') return cacheUnavailable(result.error.retryAfterSeconds);
      const detail =
        'The connection was lost, or the time was up, after the write was sent. Writes are never repeated by themselves: read the entry, then write with If-Match.';
      return problem('write-outcome-unknown', detail, { 'Retry-After': '1' });
    }
  }
}
