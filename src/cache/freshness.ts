// When an entry is fresh, when it is to be renewed, and how long it lives: pure functions.

import type { StoragePermission } from '../origin/storage.ts';
import type { EntryHead, Freshness, Lifetime } from './entry.ts';

export interface LifetimeRules {
  /** Where the origin does not say. */
  readonly defaultTtlSeconds: number;
  /** Where the origin does not say, for what is being renewed and for an origin that fails. */
  readonly staleSeconds: number;
}

export type Standing =
  /** Serve it. */
  | 'fresh'
  /** Serve it, and renew it: it would soon expire under load. */
  | 'due'
  /** Serve it as what it is, and renew it. */
  | 'stale'
  /** Ask the origin first. */
  | 'expired';

/** The longest lifetime that a client or a setting may give: a year. */
export const maxTtlSeconds = 365 * 24 * 3600;

// Lifetimes are cut by up to this share, so that what was filled together does not expire together.
const spreadRatio = 0.1;
// What can be validated is kept past its use for as long again, within these, to save its body another way.
const retentionSeconds = { least: 60, most: 24 * 3600 };

/**
 * The lifetime of what the origin lets be stored; undefined for what could never be used again.
 * @param random a number in [0, 1).
 */
export function lifetimeOf(
  permission: Extract<StoragePermission, { kind: 'allowed' }>,
  rules: LifetimeRules,
  { nowMs, hasValidator }: { readonly nowMs: number; readonly hasValidator: boolean },
  random: number,
): Lifetime | undefined {
  const { lifetimeSeconds = rules.defaultTtlSeconds, ageSeconds, revalidate, staleAllowed } = permission;
  const leftSeconds = Math.max(lifetimeSeconds - ageSeconds, 0) * (1 - random * spreadRatio);
  const ttlSeconds = leftSeconds > 0 ? ageSeconds + leftSeconds : lifetimeSeconds;
  const stale = (said: number | undefined, isUsual: boolean): number =>
    staleAllowed ? (said ?? (isUsual ? rules.staleSeconds : 0)) : 0;
  const staleWhileRevalidateSeconds = stale(permission.staleWhileRevalidateSeconds, !revalidate);
  const staleIfErrorSeconds = stale(permission.staleIfErrorSeconds, !revalidate || hasValidator);
  const longestStaleSeconds = Math.max(staleWhileRevalidateSeconds, staleIfErrorSeconds);
  const isUsableAsItIs = leftSeconds > 0 && !revalidate;
  if (!isUsableAsItIs && !hasValidator && longestStaleSeconds === 0) return undefined;
  const { least, most } = retentionSeconds;
  const retained = hasValidator ? Math.min(Math.max(leftSeconds, least), most) : 0;
  return {
    freshness: {
      // An age may be anything; before 1970 no entry can be stored.
      storedAtMs: Math.max(nowMs - ageSeconds * 1000, 0),
      ttlSeconds: Math.round(ttlSeconds * 1000) / 1000,
    },
    revalidate,
    staleAllowed,
    staleWhileRevalidateSeconds,
    staleIfErrorSeconds,
    keptMs: Math.round((leftSeconds + longestStaleSeconds + retained) * 1000),
  };
}

/**
 * What a purge leaves of an entry: it has not been fresh since then, whatever the clocks say, and may be served stale as
 * long as if its lifetime had ended there.
 */
export function purgedHead<T extends EntryHead>(head: T, sinceMs: number, nowMs: number): T {
  const { freshness } = head;
  if (freshness === undefined) return head;
  const endMs = Math.min(sinceMs, nowMs) - 1;
  const storedAtMs = Math.min(freshness.storedAtMs, endMs);
  const ttlSeconds = Math.min(freshness.ttlSeconds, (endMs - storedAtMs) / 1000);
  return { ...head, freshness: { storedAtMs, ttlSeconds }, purged: true };
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
export function standingOf(
  { freshness, loaded, purged }: EntryHead,
  nowMs: number,
  random: number,
): Standing {
  if (freshness === undefined) return 'fresh';
  if (loaded === undefined) return purged === true ? 'stale' : 'fresh';
  if (loaded.revalidate) return 'expired';
  const leftMs = freshUntilMs(freshness) - nowMs;
  if (leftMs <= 0) return -leftMs < loaded.staleWhileRevalidateSeconds * 1000 ? 'stale' : 'expired';
  const aheadMs = Math.max(loaded.loadMs, 1) * -Math.log(1 - random);
  return leftMs <= Math.min(aheadMs, (freshness.ttlSeconds * 1000) / 4) ? 'due' : 'fresh';
}

/**
 * Whether a copy may be served though nobody can say whether it has been changed, because Redis cannot be asked: as
 * what may be stale, so as long as the origin lets that be served. Of what has no lifetime nobody has said for how long.
 */
export function isServableUnconfirmed({ freshness, loaded }: EntryHead, nowMs: number): boolean {
  if (freshness === undefined || loaded?.revalidate === true || loaded?.staleAllowed === false) return false;
  return nowMs < freshUntilMs(freshness) + (loaded?.staleIfErrorSeconds ?? 0) * 1000;
}

/** Whether an expired entry may be served because the origin fails (RFC 5861, section 4). */
export function isServableOnError({ freshness, loaded }: EntryHead, nowMs: number): boolean {
  if (freshness === undefined || loaded === undefined || loaded.staleIfErrorSeconds === 0) return false;
  return nowMs < freshUntilMs(freshness) + loaded.staleIfErrorSeconds * 1000;
}
