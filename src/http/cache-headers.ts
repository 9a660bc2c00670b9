// Cache-Status (RFC 9211), Cache-Control and Age (RFC 9111) of an answer.

import type { EntryHead } from '../cache/entry.ts';
import type { CacheAnswer } from '../cache/answer.ts';

const cacheName = 'redis-entra-functions';

type Answered<K extends CacheAnswer['kind']> = Extract<CacheAnswer, { kind: K }>;

/** Where the answer came from. `detail` and `fwd` say why it was not simply a hit. */
export function cacheStatus(result: CacheAnswer, nowMs: number): string {
  return [cacheName, ...parametersOf(result, nowMs)].join('; ');
}

/** Only one detail may be given (RFC 9211, section 2.8). */
const hitDetails = {
  redis: { fresh: undefined, stale: 'stale' },
  memory: { fresh: 'memory', stale: 'stale-memory' },
} as const;

function parametersOf(result: CacheAnswer, nowMs: number): readonly string[] {
  switch (result.kind) {
    case 'hit': {
      const ttl = ttlOf(result.entry, nowMs);
      const { despite } = result;
      const detail = hitDetail(result);
      return [
        // Where the cache cannot be asked, nobody else is asked for it either.
        despite === undefined || despite === 'cache-unavailable' ? 'hit' : 'fwd=stale',
        ...(ttl === undefined ? [] : [`ttl=${ttl}`]),
        ...(detail === undefined ? [] : [`detail=${detail}`]),
      ];
    }
    case 'loaded':
      return loadedParameters(result, nowMs);
    case 'miss':
      return missParameters(result);
    case 'wrong-type':
    case 'stored-value-too-large':
    case 'answer-too-large':
    case 'overloaded':
    case 'entry-newer':
      return [`detail=${result.kind}`];
    case 'unavailable':
      return ['fwd=bypass', 'detail=cache-unavailable'];
    case 'origin-failed':
      return ['fwd=miss', 'detail=origin-failed'];
    case 'origin-pending':
      return ['fwd=miss', 'detail=origin-pending'];
  }
}

/** Why it is not simply a hit from Redis. */
function hitDetail({ entry, stale, despite, from }: Answered<'hit'>): string | undefined {
  if (despite !== undefined) return despite;
  return entry.purged === true ? 'purged' : hitDetails[from ?? 'redis'][stale ? 'stale' : 'fresh'];
}

function loadedParameters(
  { entry, forwarded: { why, status, stored, collapsed } }: Answered<'loaded'>,
  nowMs: number,
): readonly string[] {
  const ttl = ttlOf(entry, nowMs);
  const { notStored } = entry.loaded ?? {};
  const reason = notStored && `"${notStored.reason.replaceAll(/["\\]|[^ -~]/gu, '?')}"`;
  const detail = { bypass: 'cache-unavailable', 'entry-newer': why, miss: reason, stale: reason }[why];
  return [
    `fwd=${why === 'entry-newer' ? 'miss' : why}`,
    `fwd-status=${status ?? entry.loaded?.status ?? 200}`,
    ...(stored ? ['stored'] : []),
    ...(collapsed ? ['collapsed'] : []),
    ...(ttl === undefined ? [] : [`ttl=${ttl}`]),
    ...(detail === undefined ? [] : [`detail=${detail}`]),
  ];
}

function missParameters({ origin }: Answered<'miss'>): readonly string[] {
  switch (origin) {
    case undefined:
      return ['fwd=miss'];
    case 'asked':
      return ['fwd=miss', 'fwd-status=404'];
    case 'remembered':
      return ['hit', 'detail=negative'];
    case 'bypass':
      return ['fwd=bypass', 'fwd-status=404', 'detail=cache-unavailable'];
  }
}

/** Seconds of freshness left; negative once it is stale, undefined where its lifetime is not known. */
function ttlOf({ freshness }: EntryHead, nowMs: number): number | undefined {
  if (freshness === undefined) return undefined;
  return Math.floor(freshness.ttlSeconds) - ageSecondsOf(freshness.storedAtMs, nowMs);
}

export function ageSecondsOf(storedAtMs: number, nowMs: number): number {
  // Not below zero: the clock of the instance that stored it may be ahead.
  return Math.max(Math.floor((nowMs - storedAtMs) / 1000), 0);
}

/** The headers that say how fresh a value is. */
export function freshnessHeaders({ freshness, loaded }: EntryHead, nowMs: number): Record<string, string> {
  const { notStored, status = 200, revalidate = false } = loaded ?? {};
  if (notStored?.noStore === true || (notStored !== undefined && status >= 400)) {
    return { 'Cache-Control': 'no-store', Age: '0' };
  }
  // The lifetime of this value is not known, so a client has to ask each time; the ETag makes that cheap.
  if (freshness === undefined) return { 'Cache-Control': 'private, no-cache', Age: '0' };
  return {
    // Private, because the route needs a key: a shared cache would serve it to whoever has none.
    'Cache-Control': revalidate
      ? 'private, no-cache'
      : `private, max-age=${Math.floor(freshness.ttlSeconds)}`,
    Age: `${ageSecondsOf(freshness.storedAtMs, nowMs)}`,
  };
}
