// Where the instances of a fleet meet: who is there, how the last roll calls ended, and what they tell each other.
// Advisory: losing all of it loses no request.

import type { Counted } from './counted.ts';
import type { InstanceMeasures, MeasuresReport } from './instance-measures.ts';
import type { Announcement, Report, RollCallRecord } from './messages.ts';

export interface RegistryEntry {
  readonly report: Report;
  readonly status: 'answered' | 'silent';
  /** When it reported, by the Redis server's clock. */
  readonly seenAtMs: number;
}

export interface RegistryView {
  /** By the Redis server's clock. */
  readonly nowMs: number;
  /** By the start of their instances. */
  readonly entries: readonly RegistryEntry[];
  /** Latest first. */
  readonly rollCalls: readonly RollCallRecord[];
}

/** What all instances together counted, by the minute in which it was reported. */
export interface CountedMinute {
  /** When the minute began, by the Redis server's clock. */
  readonly atMs: number;
  readonly counted: Counted;
}

export interface FleetMeasures {
  /** By instance: those whose version of the app reports any. */
  readonly instances: ReadonlyMap<string, InstanceMeasures>;
  /** Those of the last hour in which something was counted, the oldest first. */
  readonly minutes: readonly CountedMinute[];
}

/** A listener on a channel. */
export interface Subscription {
  /**
   * Resolves when everything published from now on is heard.
   * @throws AppError at the deadline.
   */
  ready(deadlineAtMs: number): Promise<void>;
  stop(): void;
}

/** Every method but the two subscriptions throws AppError when Redis refuses or cannot be asked. */
export interface Registry {
  onAnnouncement(listener: (announcement: Announcement) => void): Subscription;
  /** Reports that answer this roll call. */
  onReport(rollCallId: string, listener: (report: Report) => void): Subscription;
  /** Returns how many connections hear it. */
  announce(announcement: Announcement, deadlineAtMs: number): Promise<number>;
  /**
   * Sends a report to the roll calls that it answers, and stores it as this instance's entry. Each is tried on its own:
   * a Redis that refuses to write may still deliver messages. A full registry stores no new instance. What the instance
   * has counted is added to the sums of the minute once, however often it is reported.
   * @returns whether it is known to be stored, with what was counted.
   * @throws AppError when none of it could be done.
   */
  report(
    report: Report,
    measures: MeasuresReport,
    rollCallIds: readonly string[],
    deadlineAtMs: number,
  ): Promise<boolean>;
  /** What it has counted stays in the sums, up to its end where that can be added. */
  remove(id: string, measures: MeasuresReport, deadlineAtMs: number): Promise<void>;
  read(deadlineAtMs: number): Promise<RegistryView>;
  readMeasures(deadlineAtMs: number): Promise<FleetMeasures>;
  /**
   * Stores how a roll call ended. Of the instances that did not answer, those that were silent already are removed and
   * the others become silent; one that has reported since the roll call began is left as it is.
   */
  recordRollCall(record: RollCallRecord, unanswered: readonly string[], deadlineAtMs: number): Promise<void>;
}

/** How many roll calls are remembered. */
export const maxRollCalls = 20;

/** How many minutes are remembered: an hour, and the one that goes on. */
export const maxMinutes = 61;
export const minuteMs = 60_000;
