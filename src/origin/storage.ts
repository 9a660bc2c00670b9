// Whether and how long a shared cache may store an origin's answer: RFC 9111, sections 3, 4.2 and 5.2. In doubt it may not.

import {
  longestSeconds,
  readDirectives,
  readTargetedDirectives,
  secondsOf,
  wholeSeconds,
  type Directives,
} from './cache-directives.ts';
import { parseHttpDate } from './http-date.ts';

/** Header fields by lower-case name, several of one name joined by commas. */
export type Fields = Readonly<Record<string, string>>;

export type StoragePermission =
  | {
      readonly kind: 'forbidden';
      readonly reason: string;
      /** `no-store`: the clients of this cache may not store it either. */
      readonly noStore?: true;
    }
  | {
      readonly kind: 'allowed';
      /** How long it is fresh after the origin made it; undefined where the origin does not say. */
      readonly lifetimeSeconds: number | undefined;
      /** How old it was when it was received. */
      readonly ageSeconds: number;
      /** `no-cache`, or no lifetime: it may be used only once the origin has confirmed that it is current. */
      readonly revalidate: boolean;
      /** False for `must-revalidate` and the like: then no setting allows it to be served stale. */
      readonly staleAllowed: boolean;
      /** RFC 5861, where the origin says so. */
      readonly staleWhileRevalidateSeconds: number | undefined;
      readonly staleIfErrorSeconds: number | undefined;
    };

/** RFC 9110, section 15.1: may be stored without an explicit lifetime. 206 is never asked for. */
const storableByDefault: ReadonlySet<number> = new Set([
  200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501,
]);

/** The final statuses of RFC 9110, section 15: what "understands" means for `must-understand`. */
const understood: ReadonlySet<number> = new Set([
  200, 201, 202, 203, 204, 205, 300, 301, 302, 303, 307, 308, 400, 401, 402, 403, 404, 405, 406, 407, 408,
  409, 410, 411, 412, 413, 414, 415, 416, 417, 421, 422, 426, 500, 501, 502, 503, 504, 505,
]);

/** @param nowMs when the answer was received, by the wall clock. */
export function storagePermission(fields: Fields, status: number, nowMs: number): StoragePermission {
  const targeted = readTargetedDirectives(fields['cdn-cache-control']);
  const directives =
    targeted ?? withMalformed(readDirectives(fields['cache-control']), fields['cdn-cache-control']);
  if (directives.has('must-understand') ? !understood.has(status) : directives.has('no-store'))
    return forbidden(
      `Cache-Control: ${directives.has('no-store') ? 'no-store' : 'must-understand'}`,
      directives,
    );
  if (directives.has('private')) return forbidden('Cache-Control: private', directives);
  if (fields['vary']?.split(',').some((name) => name.trim() === '*') === true) {
    return forbidden('Vary: *', directives);
  }
  const lifetimeSeconds = lifetimeOf(directives, fields, targeted !== undefined, nowMs);
  if (lifetimeSeconds === undefined && !storableByDefault.has(status) && !directives.has('public')) {
    return forbidden(`a ${status} without a lifetime`, directives);
  }
  const ageSeconds = ageOf(fields, nowMs);
  const hasEnded = lifetimeSeconds !== undefined && lifetimeSeconds <= ageSeconds;
  const staleWhileRevalidateSeconds = secondsOf(directives, 'stale-while-revalidate');
  // Section 5.2.2.10: s-maxage says what proxy-revalidate says, too; section 4.2.4: so does no-cache.
  const staleForbidden = ['must-revalidate', 'proxy-revalidate', 's-maxage', 'no-cache'];
  return {
    kind: 'allowed',
    lifetimeSeconds,
    ageSeconds,
    // An answer whose lifetime is over may not be used as it is, unless the origin says for how long.
    revalidate: directives.has('no-cache') || (hasEnded && !(staleWhileRevalidateSeconds ?? 0)),
    staleAllowed: !staleForbidden.some((name) => directives.has(name)),
    staleWhileRevalidateSeconds,
    staleIfErrorSeconds: secondsOf(directives, 'stale-if-error'),
  };
}

/** Whether the origin says how long the answer may be stored: then it may, whatever its status is. */
export function hasExplicitLifetime(fields: Fields, nowMs: number): boolean {
  const targeted = readTargetedDirectives(fields['cdn-cache-control']);
  const directives = targeted ?? readDirectives(fields['cache-control']);
  return (lifetimeOf(directives, fields, targeted !== undefined, nowMs) ?? 0) > 0;
}

/** Whether the origin wants its bytes sent on as they are: RFC 9111, section 5.2.2.6. */
export function forbidsTransformation(fields: Fields): boolean {
  return ['cache-control', 'cdn-cache-control'].some((name) => {
    const field = fields[name];
    return field !== undefined && /no-transform/iu.test(field) && readDirectives(field).has('no-transform');
  });
}

/** The strictest of what the redirects on the way and the answer at their end allow. */
export function strictest(chain: readonly StoragePermission[], end: StoragePermission): StoragePermission {
  let result = end;
  for (const link of chain) {
    if (result.kind === 'forbidden') return result;
    if (link.kind === 'forbidden') return link;
    result = {
      kind: 'allowed',
      ...shorterLife(result, link),
      revalidate: result.revalidate || link.revalidate,
      staleAllowed: result.staleAllowed && link.staleAllowed,
      staleWhileRevalidateSeconds: least(
        result.staleWhileRevalidateSeconds,
        link.staleWhileRevalidateSeconds,
      ),
      staleIfErrorSeconds: least(result.staleIfErrorSeconds, link.staleIfErrorSeconds),
    };
  }
  return result;
}

type Life = Pick<Extract<StoragePermission, { kind: 'allowed' }>, 'lifetimeSeconds' | 'ageSeconds'>;

function shorterLife(one: Life, other: Life): Life {
  const leftOf = ({ lifetimeSeconds = Infinity, ageSeconds }: Life): number => lifetimeSeconds - ageSeconds;
  const { lifetimeSeconds, ageSeconds } = leftOf(one) <= leftOf(other) ? one : other;
  return { lifetimeSeconds, ageSeconds };
}

function least(one: number | undefined, other: number | undefined): number | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return Math.min(one, other);
}

function forbidden(reason: string, directives: Directives): StoragePermission {
  return { kind: 'forbidden', reason, ...(directives.has('no-store') ? { noStore: true } : {}) };
}

/** A malformed field is ignored (RFC 9213, section 2.1), except for what it forbids. */
function withMalformed(directives: Directives, cdnCacheControl: string | undefined): Directives {
  if (cdnCacheControl === undefined) return directives;
  const forbidding = [...readDirectives(cdnCacheControl)].filter(([name]) =>
    ['no-store', 'private', 'no-cache'].includes(name),
  );
  return new Map([...directives, ...forbidding]);
}

/** Section 4.2.1. An unreadable lifetime counts as expired. */
function lifetimeOf(
  directives: Directives,
  { expires, date }: Fields,
  isTargeted: boolean,
  nowMs: number,
): number | undefined {
  const given = secondsOf(directives, 's-maxage') ?? secondsOf(directives, 'max-age');
  if (given !== undefined || isTargeted || expires === undefined) return given;
  const expiresAtMs = parseHttpDate(expires, nowMs);
  if (expiresAtMs === undefined) return 0;
  const fromMs = parseHttpDate(date, nowMs) ?? nowMs;
  return Math.max(Math.min(Math.floor((expiresAtMs - fromMs) / 1000), longestSeconds), 0);
}

// How far the origin's clock may be behind: a Date has whole seconds, and Varnish allows as much
// (https://varnish-cache.org/docs/trunk/reference/varnishd.html, clock_skew).
const clockSkewSeconds = 10;

/** Section 4.2.3: the Age that caches on the way counted, or the age by the Date where one of them did not count. */
function ageOf({ age, date }: Fields, nowMs: number): number {
  // Section 5.1: an Age that is no number is ignored, and of several the first counts.
  const countedSeconds = wholeSeconds(age?.split(',')[0]) ?? 0;
  const apparentSeconds = Math.floor((nowMs - (parseHttpDate(date, nowMs) ?? nowMs)) / 1000);
  return apparentSeconds > clockSkewSeconds ? Math.max(countedSeconds, apparentSeconds) : countedSeconds;
}
