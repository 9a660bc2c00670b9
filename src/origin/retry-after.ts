// Reads Retry-After (RFC 9110, section 10.2.3).

import { wholeSeconds } from './cache-directives.ts';
import { parseHttpDate } from './http-date.ts';

const longestSeconds = 3600;

/** Seconds from now, 0 to one hour; undefined for none or garbage. */
export function readRetryAfter(field: string | undefined, nowMs: number): number | undefined {
  const dateMs = parseHttpDate(field, nowMs);
  const value = dateMs === undefined ? wholeSeconds(field) : Math.ceil((dateMs - nowMs) / 1000);
  return value === undefined ? undefined : Math.min(Math.max(value, 0), longestSeconds);
}
