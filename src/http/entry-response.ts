// The answer to a GET or HEAD of an entry: one of its representations, all or a part of it, or that the client has it
// already (RFC 9110, sections 8, 13 and 14).

import type { HttpRequest, HttpResponseInit } from '@azure/functions';
import type { Charge } from '../util/byte-budget.ts';
import type { Entry } from '../cache/entry.ts';
import { extrasOf } from '../cache/stored-fields.ts';
import { parseHttpDate } from '../origin/http-date.ts';
import { readRetryAfter } from '../origin/retry-after.ts';
import type { BytesResponse } from './bytes-response.ts';
import { ageSecondsOf, freshnessHeaders } from './cache-headers.ts';
import { isMatch, isNotModified, isUnmodified } from './conditional.ts';
import { overloaded, Problem, type Headers } from './problem.ts';
import { isRangeCurrent, readRange } from './range.ts';
import { bodyOf, representationsFor, type Representation } from './representation.ts';

const withoutBody: ReadonlySet<number> = new Set([204, 205, 304]);

/** The stored bytes are not what they are said to be. */
export interface Damaged {
  readonly kind: 'damaged';
}

/**
 * @param cacheStatus the headers that say where the entry is from.
 * @param charge takes the bytes of a body that is decoded.
 * @throws Problem for 412, 416, and where there is no memory for the body now.
 */
export async function entryResponse(
  request: HttpRequest,
  entry: Entry,
  cacheStatus: Headers,
  nowMs: number,
  charge: Charge,
): Promise<HttpResponseInit | BytesResponse | Damaged> {
  const status = entry.loaded?.status ?? 200;
  const isValue = status >= 200 && status < 300;
  const representation = chosenRepresentation(request, entry);
  const { etag } = representation;
  const described = {
    ...(isValue ? { ETag: etag } : {}),
    ...cacheStatus,
    ...freshnessHeaders(entry, nowMs),
    ...originHeaders(entry, nowMs),
    ...(representation.varies ? { Vary: 'Accept-Encoding' } : {}),
  };
  // Conditions are evaluated only where the answer without them is a value (section 13.2.1).
  if (isValue && !isMatch(request.headers.get('if-match'), etag)) {
    const detail = 'The entry is in another state than If-Match names.';
    throw new Problem('precondition-failed', detail, { ETag: etag, ...cacheStatus });
  }
  if (isValue && isCurrent(request, entry, etag, nowMs)) return { status: 304, headers: described };
  if (withoutBody.has(status)) return { status, headers: described };
  const result = await bodyOf(entry, representation, charge);
  if (result.kind === 'overloaded') throw overloaded(cacheStatus);
  if (result.kind === 'damaged') return result;
  const { body } = result;
  const content = contentHeaders(entry, representation);
  const headers = { ...described, ...content, ...(status === 200 ? { 'Accept-Ranges': 'bytes' } : {}) };
  const range = readRange(status === 200 ? rangeOf(request, entry, etag, nowMs) : null, body.length);
  switch (range.kind) {
    case 'whole':
      return { status, headers: { ...headers, 'Content-Length': `${body.length}` }, pieces: [body] };
    case 'part': {
      const part = body.subarray(range.start, range.end + 1);
      const contentRange = `bytes ${range.start}-${range.end}/${body.length}`;
      const ofPart = { ...headers, 'Content-Length': `${part.length}`, 'Content-Range': contentRange };
      return { status: 206, headers: ofPart, pieces: [part] };
    }
    case 'unsatisfiable':
      throw new Problem('range-not-satisfiable', `The value has ${body.length} bytes.`, {
        ETag: etag,
        'Content-Range': `bytes */${body.length}`,
      });
  }
}

/**
 * The one that its conditions name, where a client accepts several; and the plain one for a part: that of a compressed
 * body would fit no part of another compression of it.
 */
function chosenRepresentation({ method, headers }: HttpRequest, entry: Entry): Representation {
  const all = representationsFor(entry, headers.get('accept-encoding'));
  const [preferred, plain] = all;
  if (plain === undefined) return preferred;
  if (method === 'GET' && headers.has('range')) return plain;
  const [ifMatch, ifNoneMatch] = [headers.get('if-match'), headers.get('if-none-match')];
  const matching = all.filter(({ etag }) => isMatch(ifMatch, etag));
  return matching.find(({ etag }) => isNotModified(ifNoneMatch, etag)) ?? matching[0] ?? preferred;
}

/** Whether the client has it already. A date counts only where no tag is named (section 13.2.2). */
function isCurrent({ headers }: HttpRequest, { loaded }: Entry, etag: string, nowMs: number): boolean {
  const ifNoneMatch = headers.get('if-none-match');
  if (ifNoneMatch !== null) return isNotModified(ifNoneMatch, etag);
  const { 'last-modified': modified, date } = loaded?.fields ?? {};
  // Without a Last-Modified it has at least not changed since it was sent (RFC 9111, section 4.3.2).
  return isUnmodified(headers.get('if-modified-since'), modified ?? date, nowMs);
}

/** The Range field of a GET, where If-Range lets it count. */
function rangeOf(
  { method, headers }: HttpRequest,
  { loaded }: Entry,
  etag: string,
  nowMs: number,
): string | null {
  const range = method === 'GET' ? headers.get('range') : null;
  if (range === null) return null;
  const { 'last-modified': lastModified, date } = loaded?.fields ?? {};
  const state = { etag, lastModified, dateMs: parseHttpDate(date, nowMs) ?? nowMs };
  return isRangeCurrent(headers.get('if-range'), state) ? range : null;
}

function contentHeaders({ contentType }: Entry, { contentEncoding }: Representation): Headers {
  return {
    'Content-Type': contentType,
    ...(contentEncoding === undefined ? {} : { 'Content-Encoding': contentEncoding }),
    // What is cached is data: a browser must neither guess its type nor run it as a page of this origin.
    'X-Content-Type-Options': 'nosniff',
    'Content-Security-Policy': 'sandbox',
  };
}

/** The fields of the origin's answer that are passed on. */
function originHeaders({ loaded, freshness }: Entry, nowMs: number): Headers {
  if (loaded === undefined) return {};
  const { date, 'last-modified': modified, 'retry-after': retryAfter } = loaded.fields;
  const retrySeconds = readRetryAfter(retryAfter, nowMs);
  const isDate = parseHttpDate(retryAfter, nowMs) !== undefined;
  const passedSeconds = isDate || freshness === undefined ? 0 : ageSecondsOf(freshness.storedAtMs, nowMs);
  return {
    ...extrasOf(loaded.fields),
    ...(date === undefined ? {} : { Date: date }),
    ...(parseHttpDate(modified, nowMs) === undefined || modified === undefined
      ? {}
      : { 'Last-Modified': modified }),
    ...(retrySeconds === undefined ? {} : { 'Retry-After': `${Math.max(retrySeconds - passedSeconds, 0)}` }),
  };
}
