// What an origin's answer lets a shared cache do with it: RFC 9111. Used by http.ts, blob*.ts and validators.ts.
// Pure; knows no request. In doubt an answer is not stored.

import type { StoragePermission } from './origin.ts';

/** The header fields that decide. */
export interface FreshnessFields {
  readonly cacheControl?: string | undefined;
  readonly age?: string | undefined;
  readonly expires?: string | undefined;
  readonly date?: string | undefined;
  readonly vary?: string | undefined;
}

const forbidding = ['no-store', 'no-cache', 'private'] as const;

// RFC 9111, section 1.2.2: what is larger counts as this.
const longestSeconds = 2 ** 31;

export function storagePermission(fields: FreshnessFields, nowMs: number): StoragePermission {
  // Of a run of white space the pattern would try every split: half a second for one of 16 KB.
  const directives = parseDirectives((fields.cacheControl ?? '').replaceAll(/\s+/gu, ' '));
  const named = forbidding.find((name) => directives.has(name));
  if (named !== undefined) {
    const reason = `Cache-Control: ${named}`;
    return { kind: 'forbidden', reason, ...(named === 'no-store' ? { noStore: true } : {}) };
  }
  if (fields.vary?.split(',').some((name) => name.trim() === '*') === true) {
    return { kind: 'forbidden', reason: 'Vary: *' };
  }
  const lifetimeSeconds = lifetime(directives, fields, nowMs);
  const ageSeconds = age(fields, nowMs);
  const maxAgeSeconds = lifetimeSeconds === undefined ? undefined : lifetimeSeconds - ageSeconds;
  if (maxAgeSeconds !== undefined && maxAgeSeconds <= 0) {
    return { kind: 'forbidden', reason: 'no lifetime left' };
  }
  // Section 5.2.2.10: s-maxage says what proxy-revalidate says, too.
  const staleForbidden = ['must-revalidate', 'proxy-revalidate', 's-maxage'];
  return {
    kind: 'allowed',
    maxAgeSeconds,
    staleAllowed: !staleForbidden.some((name) => directives.has(name)),
  };
}

/** The same of a 304, which need not repeat what the entry came with: then undefined (section 4.3.4). */
export function renewedPermission(fields: FreshnessFields, nowMs: number): StoragePermission | undefined {
  const permission = storagePermission(fields, nowMs);
  const says = fields.cacheControl !== undefined || fields.expires !== undefined;
  return says || permission.kind === 'forbidden' ? permission : undefined;
}

/** Section 4.2.1. What was meant as a lifetime and is none counts as none left. */
function lifetime(
  directives: ReadonlyMap<string, readonly string[]>,
  { expires, date }: FreshnessFields,
  nowMs: number,
): number | undefined {
  const given = directives.get('s-maxage') ?? directives.get('max-age');
  if (given !== undefined) return Math.min(...given.map((value) => seconds(value) ?? 0));
  if (expires === undefined) return undefined;
  const expiresAtMs = parseHttpDate(expires);
  if (expiresAtMs === undefined) return 0;
  const fromMs = parseHttpDate(date) ?? nowMs;
  return Math.min(Math.floor((expiresAtMs - fromMs) / 1000), longestSeconds);
}

// How far the origin's clock may be behind: a Date has whole seconds, and Varnish allows as much
// (https://varnish-cache.org/docs/trunk/reference/varnishd.html, clock_skew).
const clockSkewSeconds = 10;

/** Section 4.2.3: what caches on the way have counted, or what the Date tells where one of them does not count. */
function age({ age: field, date }: FreshnessFields, nowMs: number): number {
  // Section 5.1: an Age that is no number is ignored, and of several the first counts.
  const countedSeconds = seconds(field?.split(',')[0]) ?? 0;
  const apparentSeconds = Math.floor((nowMs - (parseHttpDate(date) ?? nowMs)) / 1000);
  return apparentSeconds > clockSkewSeconds ? Math.max(countedSeconds, apparentSeconds) : countedSeconds;
}

// A directive, and its value as a token or a quoted string (section 5.2); or whatever stands up to the next comma.
const directivePattern =
  /\s*(?<name>[!#$%&'*+.^`|~\w-]+)\s*(?:=\s*(?:"(?<quoted>(?:[^"\\]|\\.)*)"|(?<token>[^\s,"]*)))?\s*(?=,|$)|[^,]+/gu;

/** By lower-case name, the values in their order; an absent value is the empty string. */
function parseDirectives(cacheControl: string): ReadonlyMap<string, readonly string[]> {
  const directives = new Map<string, string[]>();
  for (const { groups, 0: text } of cacheControl.matchAll(directivePattern)) {
    // What is malformed still counts by its name: "no-store foo" was not meant as a permission.
    const name = (groups?.['name'] ?? /[\w-]+/u.exec(text)?.[0] ?? '').toLowerCase();
    const value = groups?.['quoted'] ?? groups?.['token'] ?? '';
    directives.set(name, [...(directives.get(name) ?? []), value]);
  }
  return directives;
}

function seconds(text: string | undefined): number | undefined {
  const digits = text?.trim() ?? '';
  return /^\d+$/u.test(digits) ? Math.min(Number(digits), longestSeconds) : undefined;
}

// RFC 9110, section 5.6.7: IMF-fixdate, and the two obsolete forms that must be accepted.
const datePatterns = [
  /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/u,
  /^[A-Z][a-z]{5,8}, \d{2}-[A-Z][a-z]{2}-\d{2} \d{2}:\d{2}:\d{2} GMT$/u,
  /^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2} \d{4}$/u,
] as const;

/** Milliseconds since the epoch; undefined for what is no HTTP date. */
export function parseHttpDate(text: string | undefined): number | undefined {
  const trimmed = text?.trim() ?? '';
  if (!datePatterns.some((pattern) => pattern.test(trimmed))) return undefined;
  const ms = Date.parse(trimmed.endsWith('GMT') ? trimmed : `${trimmed} GMT`);
  return Number.isNaN(ms) ? undefined : ms;
}

const longestRetryAfterSeconds = 3600;

/** `Retry-After` as seconds from now, 0 to one hour; undefined for none or garbage. */
export function readRetryAfter(field: string | undefined, nowMs: number): number | undefined {
  const dateMs = parseHttpDate(field);
  const value = dateMs === undefined ? seconds(field) : Math.ceil((dateMs - nowMs) / 1000);
  return value === undefined ? undefined : Math.min(Math.max(value, 0), longestRetryAfterSeconds);
}
