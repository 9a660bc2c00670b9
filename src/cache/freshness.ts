// When an entry is fresh, when it is to be renewed, and how long it lives: pure functions.

import type { StoragePermission } from '../origin/origin.ts';
import type { EntryHead, Freshness } from './entry.ts';

export interface LifetimeRules {
  /** Where the origin does not say. */
  readonly defaultTtlSeconds: number;
  readonly staleSeconds: number;
}

export type Standing =
  /** Serve it. */
  | 'fresh'
  /** Serve it, and renew it: it would soon expire under load. */
  | 'due'
  /** Serve it as what it is, and renew it. */
  | 'stale';

/** The longest lifetime that a client or a setting may give: a year. */
export const maxTtlSeconds = 365 * 24 * 3600;

// Lifetimes are cut by up to this share, so that what was filled together does not expire together.
const spreadRatio = 0.1;

/**
 * The lifetime of what the origin lets be stored from `nowMs` on.
 * @param random a number in [0, 1).
 */
export function lifetimeOf(
  permission: Extract<StoragePermission, { kind: 'allowed' }>,
  rules: LifetimeRules,
  nowMs: number,
  random: number,
): { readonly freshness: Freshness; readonly staleSeconds: number } {
  const fullSeconds = permission.maxAgeSeconds ?? rules.defaultTtlSeconds;
  const ttlSeconds = Math.round(fullSeconds * (1 - random * spreadRatio) * 1000) / 1000;
  return {
    freshness: { storedAtMs: nowMs, ttlSeconds },
    staleSeconds: permission.staleAllowed ? rules.staleSeconds : 0,
  };
}

export function freshUntilMs({ storedAtMs, ttlSeconds }: Freshness): number {
  return storedAtMs + ttlSeconds * 1000;
}

/**
 * How an entry stands. What did not come from the origin lives as long as whoever wrote it said and is never
 * renewed. One that did is due before it is stale with a probability that rises as its end comes near, and
 * the earlier the longer a load takes: "optimal probabilistic cache stampede prevention"
 * (https://www.vldb.org/pvldb/vol8/p886-vattani.pdf), with beta = 1. Whoever asks more often renews earlier,
 * so a hot entry never expires under load.
 * @param random a number in [0, 1).
 */
export function standingOf({ freshness, loaded }: EntryHead, nowMs: number, random: number): Standing {
  if (freshness === undefined || loaded === undefined) return 'fresh';
  const leftMs = freshUntilMs(freshness) - nowMs;
  if (leftMs <= 0) return 'stale';
  const aheadMs = Math.max(loaded.loadMs, 1) * -Math.log(1 - random);
  return leftMs <= Math.min(aheadMs, (freshness.ttlSeconds * 1000) / 4) ? 'due' : 'fresh';
}
