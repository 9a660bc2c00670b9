// The answer to a GET or HEAD of an entry: which form of it, all or a part, or that the client has it already
// (RFC 9110, sections 8, 13 and 14).

import type { HttpRequest, HttpResponseInit } from '@azure/functions';
import type { Charge } from '../util/byte-budget.ts';
import type { Entry } from '../cache/entry.ts';
import { extrasOf } from '../cache/stored-fields.ts';
import { parseHttpDate } from '../origin/http-date.ts';
import { readRetryAfter } from '../origin/retry-after.ts';
import type { BytesResponse } from './bytes-response.ts';
import { ageSecondsOf, freshnessHeaders } from './cache-headers.ts';
import { isMatch, isNotModified, isUnmodified } from './conditional.ts';
import { bodyOf, formFor, type Form } from './form.ts';
import { problem, tooMuchAtOnce } from './problem.ts';
import { isRangeCurrent, readRange } from './range.ts';

const withoutBody: ReadonlySet<number> = new Set([204, 205, 304]);

type Answer = HttpResponseInit | BytesResponse;

/** @param cacheStatus the headers that say where the entry is from. */
export async function entryResponse(
  request: HttpRequest,
  entry: Entry,
  cacheStatus: Readonly<Record<string, string>>,
  nowMs: number,
  charge: Charge,
): Promise<Answer> {
  const { loaded } = entry;
  const status = loaded?.status ?? 200;
  const form = formFor(entry, request.headers.get('accept-encoding'));
  const described = { ...cacheStatus, ...freshnessHeaders(entry, nowMs), ...fieldsOf(entry, form, nowMs) };
  // Conditions ask about a value, and there is none (section 13.2.1).
  if (status < 200 || status >= 300) return whole(request, entry, form, described, status, charge);
  const validated = { ETag: form.etag, ...described };
  if (!isMatch(request.headers.get('if-match'), form.etag)) {
    const detail = 'The entry is in another state than If-Match names.';
    return problem('precondition-failed', detail, { ETag: form.etag, ...cacheStatus });
  }
  if (isCurrent(request, entry, form, nowMs)) return { status: 304, headers: validated };
  if (status !== 200) return whole(request, entry, form, validated, status, charge);
  return maybePart(request, entry, form, { ...validated, 'Accept-Ranges': 'bytes' }, nowMs, charge);
}

/** Whether the client has it: by tag, and only where it names none by date (section 13.2.2). */
function isCurrent({ headers }: HttpRequest, entry: Entry, form: Form, nowMs: number): boolean {
  const ifNoneMatch = headers.get('if-none-match');
  if (ifNoneMatch !== null) return isNotModified(ifNoneMatch, form.etag);
  const { 'last-modified': modified, date } = entry.loaded?.fields ?? {};
  // RFC 9111, section 4.3.2: what has no Last-Modified has at least not changed since it was sent.
  return isUnmodified(headers.get('if-modified-since'), modified ?? date, nowMs);
}

async function maybePart(
  request: HttpRequest,
  entry: Entry,
  form: Form,
  headers: Readonly<Record<string, string>>,
  nowMs: number,
  charge: Charge,
): Promise<Answer> {
  const range = request.method === 'GET' ? request.headers.get('range') : null;
  const { fields } = entry.loaded ?? {};
  const state = {
    etag: form.etag,
    lastModified: fields?.['last-modified'],
    dateMs: parseHttpDate(fields?.['date'], nowMs) ?? nowMs,
  };
  if (range === null || !isRangeCurrent(request.headers.get('if-range'), state)) {
    return whole(request, entry, form, headers, 200, charge);
  }
  const body = await bodyOf(entry, form, charge);
  if (body === undefined) return tooMuchAtOnce(cacheStatusOf(headers));
  const part = readRange(range, body.length);
  if (part.kind === 'whole') return whole(request, entry, form, headers, 200, charge);
  if (part.kind === 'unsatisfiable') {
    const detail = `The value has ${body.length} bytes.`;
    const { ETag = '' } = headers;
    return problem('range-not-satisfiable', detail, { ETag, 'Content-Range': `bytes */${body.length}` });
  }
  const { start, end } = part;
  const partial = {
    ...headers,
    ...contentHeaders(entry, form, end - start + 1),
    'Content-Range': `bytes ${start}-${end}/${body.length}`,
  };
  return { status: 206, headers: partial, pieces: [body.subarray(start, end + 1)] };
}

async function whole(
  request: HttpRequest,
  entry: Entry,
  form: Form,
  headers: Readonly<Record<string, string>>,
  status: number,
  charge: Charge,
): Promise<Answer> {
  if (withoutBody.has(status)) return { status, headers };
  const body = await bodyOf(entry, form, charge);
  if (body === undefined) return tooMuchAtOnce(cacheStatusOf(headers));
  const all = { ...headers, ...contentHeaders(entry, form, body.length) };
  return request.method === 'HEAD' ? { status, headers: all } : { status, headers: all, pieces: [body] };
}

function cacheStatusOf({ 'Cache-Status': status = '' }: Readonly<Record<string, string>>) {
  return { 'Cache-Status': status };
}

function contentHeaders({ contentType }: Entry, { contentEncoding }: Form, bytes: number) {
  return {
    'Content-Type': contentType,
    ...(contentEncoding === undefined ? {} : { 'Content-Encoding': contentEncoding }),
    'Content-Length': `${bytes}`,
    // What is cached is data: a browser must neither guess its type nor run it as a page of this origin.
    'X-Content-Type-Options': 'nosniff',
    'Content-Security-Policy': 'sandbox',
  };
}

/** What the origin said that is handed on. */
function fieldsOf({ loaded, freshness }: Entry, { varies }: Form, nowMs: number): Record<string, string> {
  if (loaded === undefined) return {};
  const { date, 'last-modified': modified, 'retry-after': retryAfter } = loaded.fields;
  const saidSeconds = readRetryAfter(retryAfter, nowMs);
  const isDate = parseHttpDate(retryAfter, nowMs) !== undefined;
  const passedSeconds = isDate || freshness === undefined ? 0 : ageSecondsOf(freshness.storedAtMs, nowMs);
  return {
    ...extrasOf(loaded.fields),
    ...(date === undefined ? {} : { Date: date }),
    ...(parseHttpDate(modified, nowMs) === undefined || modified === undefined
      ? {}
      : { 'Last-Modified': modified }),
    ...(varies ? { Vary: 'Accept-Encoding' } : {}),
    ...(saidSeconds === undefined ? {} : { 'Retry-After': `${Math.max(saidSeconds - passedSeconds, 0)}` }),
  };
}
