// Cache-Status (RFC 9211), Cache-Control and Age (RFC 9111) of an answer. Used by functions/.
// Knows no Redis.

import type { Entry } from '../cache/entry.ts';

const cacheName = 'redis-entra-functions';

export const missStatus = `${cacheName}; fwd=miss`;
export const unavailableStatus = `${cacheName}; fwd=bypass; detail=cache-unavailable`;

/** The headers that say how fresh a hit is. */
export function freshnessHeaders(entry: Entry, nowMs: number): Record<string, string> {
  const { freshness } = entry;
  if (freshness === undefined) {
    // Nobody said how long this value holds, so a client has to ask each time; the ETag makes that cheap.
    return { 'Cache-Status': `${cacheName}; hit`, 'Cache-Control': 'private, no-cache', Age: '0' };
  }
  // Another instance may have stored it by a clock that is ahead of this one.
  const ageSeconds = Math.max(Math.floor((nowMs - freshness.storedAtMs) / 1000), 0);
  return {
    'Cache-Status': `${cacheName}; hit; ttl=${freshness.ttlSeconds - ageSeconds}`,
    // Private, because the route needs a key: a shared cache would serve it to whoever has none.
    'Cache-Control': `private, max-age=${freshness.ttlSeconds}`,
    Age: `${ageSeconds}`,
  };
}
