// The fleet, as `GET /api/fleet` tells it.

/** An instance of the app. Times are in ISO 8601, by its own clock unless it says otherwise. */
export interface FleetInstance {
  /** Unique in the fleet. */
  readonly id: string;
  /** Whether it answered the last roll call. */
  readonly status: 'answered' | 'silent';
  /** When its process started. */
  readonly startedAt: string;
  /** When it last reported, by the clock of Redis. */
  readonly reportedAt: string;
  /** Null while it has no token. */
  readonly tokenExpiresAt: string | null;
  /** What was left of its token, less the time since its report. */
  readonly tokenSecondsLeft: number | null;
  /** When it last adopted a later token; null where it has not. */
  readonly lastRotationAt: string | null;
  /** To Redis. */
  readonly connections: number;
  /** AUTH commands on live connections since the report before. */
  readonly reauthenticated: number;
  /** AUTH commands that failed since the report before. */
  readonly reauthenticationsFailed: number;
  /** Why a renewal that was due did not succeed. */
  readonly failure: string | null;
  /** Keys read over HTTP since the report before. */
  readonly reads: number;
  /** Of the app. */
  readonly version: string;
  /** On Azure. */
  readonly region: string | null;
  /** The machine, or the container. */
  readonly host: string | null;
  /** What it counted since the report before; null from an earlier version of the app. */
  readonly measures: FleetInstanceMeasures | null;
  /** Its last hour, at most 12 points of five minutes. */
  readonly history: readonly FleetHistoryPoint[];
}

/** How a read can end. */
export type FleetReadOutcome =
  | 'memoryHit'
  | 'redisHit'
  | 'memoryStale'
  | 'redisStale'
  | 'miss'
  | 'loaded'
  | 'bypassed'
  | 'collapsed'
  | 'negative'
  | 'unavailable'
  | 'failed'
  | 'refused';

/** What is counted beside reads; docs/http.md has the meaning of each. */
export type FleetEvent =
  | 'loads'
  | 'loadsFailed'
  | 'loadedBytes'
  | 'renewals'
  | 'written'
  | 'removed'
  | 'writesFailed'
  | 'servedBytes'
  | 'purges'
  | 'purgesAdopted'
  | 'memoryEvictions'
  | 'memoryInvalidations'
  | 'warmed'
  | 'warmupsFailed';

/** Estimated, in milliseconds. */
export interface FleetQuantiles {
  /** Half of all were faster. */
  readonly p50: number;
  /** 95 of 100 were. */
  readonly p95: number;
  /** 99 of 100 were. */
  readonly p99: number;
}

/** What was counted in some time. */
export interface FleetCounts extends Readonly<Record<FleetEvent, number>> {
  /** From 0 to 1; null where nothing was read that the cache could answer. */
  readonly hitRatio: number | null;
  /** How many ended in which way. */
  readonly reads: Readonly<Record<FleetReadOutcome, number>>;
  /** Null where there were none. */
  readonly latencyMs: Readonly<Record<'request' | 'redis' | 'origin' | 'lockWait', FleetQuantiles | null>>;
}

/** What an instance counted, and what it has in memory now. */
export interface FleetInstanceMeasures extends FleetCounts {
  /** Null without a memory tier. */
  readonly memory: { readonly entries: number; readonly bytes: number } | null;
}

/** Five minutes of an instance. */
export interface FleetHistoryPoint {
  /** By the clock of Redis. */
  readonly at: string;
  /** How many there were. */
  readonly reads: number;
  /** As of `FleetCounts`. */
  readonly hitRatio: number | null;
  /** From the origin. */
  readonly loads: number;
  /** Of requests, in milliseconds; null where there were none. */
  readonly p95Ms: number | null;
}

/** What was counted in a minute. */
export interface FleetMinute extends FleetCounts {
  /** When the minute began in which it was reported. */
  readonly at: string;
}

/** How a roll call ended. Times are in ISO 8601, by the clock of Redis. */
export interface FleetRollCall {
  /** Unique. */
  readonly id: string;
  /** When it was announced. */
  readonly at: string;
  /** How many instances were to answer. */
  readonly expected: number;
  /** How many did. */
  readonly answered: number;
  /** How many adopted a later token by it. */
  readonly rotated: number;
  /** How many said that a renewal failed. */
  readonly failed: number;
  /** How many did not answer. */
  readonly silent: number;
  /** Their ids. */
  readonly silentInstances: readonly string[];
  /** Of all tokens, the one that ends first; null where none was told. */
  readonly shortestSecondsLeft: number | null;
}

/** The instances, their tokens, what they counted, and the last roll calls. */
export interface Fleet {
  /** By the clock of Redis, as all times here but those of an instance. */
  readonly now: string;
  /** By their start. */
  readonly instances: readonly FleetInstance[];
  /** The latest first. */
  readonly rollCalls: readonly FleetRollCall[];
  /** By the schedule of the timer. */
  readonly nextRollCallAt: string | null;
  /** Of all instances together, of the last hour. */
  readonly totals: FleetCounts;
  /** The same for each minute of it in which something was counted. */
  readonly minutes: readonly FleetMinute[];
}
