// Whether a read is tried again, and when.

import { retryAfterSecondsOf, type Exchange } from './answer.ts';

const firstMs = 100;
const longestMs = 2000;

/**
 * Milliseconds to wait; undefined where another attempt would not help.
 * @param attempt which one has just ended, from 1.
 */
export function retryDelayMs(
  exchange: Exchange,
  attempt: number,
  nowMs: number,
  random: () => number,
): number | undefined {
  if (exchange.kind === 'failed' && exchange.code !== 'network-failed') return undefined;
  const spreadMs = Math.min(firstMs * 2 ** (attempt - 1), longestMs);
  const seconds =
    exchange.kind === 'failed' ? undefined : retryAfterSecondsOf(exchange.answer.headers, nowMs);
  if (exchange.kind === 'answered' && !isWorthwhile(exchange, seconds)) return undefined;
  // Never before the time that was named, and not all at once after it.
  return seconds === undefined
    ? spreadMs / 2 + (random() * spreadMs) / 2
    : seconds * 1000 + random() * spreadMs;
}

function isWorthwhile(
  { answer }: Extract<Exchange, { kind: 'answered' }>,
  seconds: number | undefined,
): boolean {
  switch (answer.status) {
    // 500 without a body: the process of the app has ended, and the host starts another.
    case 500:
    case 503:
    case 504:
      return true;
    // The app names no time where the origin fails for the one entry only.
    case 502:
      return seconds !== undefined || (answer.problem ?? answer.cacheStatus) === undefined;
    case 429:
      return seconds !== undefined;
    default:
      return false;
  }
}
