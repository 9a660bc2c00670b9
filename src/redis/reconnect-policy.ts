// How long to wait before connecting, or offering a token, again: pure functions.

import type { ErrorCode } from '../util/errors.ts';

export interface ReconnectSituation {
  /** Attempts that failed in a row; 0 for a connection that was just lost. */
  readonly failures: number;
  /** Why the last one failed. */
  readonly code: ErrorCode | undefined;
  /** How long there has been no connection. */
  readonly awayMs: number;
  /** A number in [0, 1). */
  readonly random: number;
  /** About how many instances there are, this one included: they may all have lost theirs in this moment. */
  readonly instances: number;
}

// A failover cuts every instance at once, and Azure limits the rate of new connections
// (https://learn.microsoft.com/azure/redis/best-practices-connection). 400 instances that first try within 600 ms make
// 67 attempts in 100 ms, and 61 where each waits 0.66 s on average; with the length of the outage that falls to 9.
const firstTryMs = { perInstance: 1.5, least: 50, most: 1000 };
const leastPauseMs = 750;
const mostPauseMs = 5000;
const pausePerAwayMs = 0.13;
/** The shortest pause, as a part of the longest: the spread that undoes the common start. */
const shortest = 0.75;

/** Milliseconds until the next attempt. */
export function reconnectDelayMs(situation: ReconnectSituation): number {
  const { failures, code, awayMs, random, instances } = situation;
  const { perInstance, least, most } = firstTryMs;
  const firstSpreadMs = Math.min(Math.max(instances * perInstance, least), most);
  // Most often the cache is there, and reads wait.
  if (failures === 0) return random * firstSpreadMs;
  if (code === 'redis-rejected-identity') return rejectedDelayMs(failures, random);
  const longestMs = Math.min(Math.max(awayMs * pausePerAwayMs, leastPauseMs), mostPauseMs);
  // Spreads the first failures of a small fleet, which come together, over the average pause, and those of a large one
  // no further than they are, so that attempts come at one rate from then on.
  if (failures === 1) {
    const averageMs = (longestMs * (1 + shortest)) / 2;
    return averageMs - Math.max(averageMs - firstSpreadMs, 0) * random;
  }
  return longestMs * (shortest + (1 - shortest) * random);
}

/**
 * Milliseconds until a token that Redis rejected is offered again. Somebody has to assign an access policy first, or
 * Redis to learn of a signing key: no hurry, and no hammering.
 */
export function rejectedDelayMs(rejections: number, random: number): number {
  return Math.min(500 * 2 ** (rejections - 1), 30_000) * (1 + random / 4);
}

/** Milliseconds until AUTH is repeated that failed for another reason than its token. */
export function repeatedAuthDelayMs(failures: number, random: number): number {
  return Math.min(50 * 2 ** (failures - 1), 400) * (1 + random / 4);
}

/**
 * Milliseconds from the moment when commands can be sent until a subscriber connects: at a start after what the first
 * requests need, after a loss when the connections that carry commands are through.
 */
export function subscriberDelayMs(kind: 'start' | 'loss', random: number): number {
  return kind === 'start' ? 1000 : 1000 + 3000 * random;
}
