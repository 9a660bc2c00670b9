// How long to wait before connecting again: a pure function. Used by node.ts.
// Knows no connection.

import type { ErrorCode } from '../errors.ts';

/**
 * Milliseconds until the next attempt.
 * @param failures attempts that failed in a row; 0 for a connection that was just lost.
 * @param random a number in [0, 1): a failover cuts every instance at once, and Azure limits the rate of
 * new connections (https://learn.microsoft.com/azure/redis/best-practices-connection).
 */
export function reconnectDelayMs(failures: number, code: ErrorCode | undefined, random: number): number {
  if (failures === 0) return random * 50;
  // Somebody has to assign an access policy first: no hurry, and no hammering.
  if (code === 'redis-rejected-identity') return spread(Math.min(500 * 2 ** (failures - 1), 30_000), random);
  // Capped low, so that reads work again within a second of the cache's return.
  return spread(Math.min(50 * 2 ** (failures - 1), 500), random);
}

function spread(delayMs: number, random: number): number {
  return delayMs * (1 + random / 4);
}
