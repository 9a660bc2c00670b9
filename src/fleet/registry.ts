// Where the instances of a fleet meet: who is there, how the last roll calls ended, and what they tell each other.
// Advisory: losing all of it loses no request.

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
   * a Redis that refuses to write may still deliver messages. A full registry stores no new instance.
   * @throws AppError when none of it could be done.
   */
  report(report: Report, rollCallIds: readonly string[], deadlineAtMs: number): Promise<void>;
  remove(id: string, deadlineAtMs: number): Promise<void>;
  read(deadlineAtMs: number): Promise<RegistryView>;
  /**
   * Stores how a roll call ended. Of the instances that did not answer, those that were silent already are removed and
   * the others become silent; one that has reported since the roll call began is left as it is.
   */
  recordRollCall(record: RollCallRecord, unanswered: readonly string[], deadlineAtMs: number): Promise<void>;
}

/** How many roll calls are remembered. */
export const maxRollCalls = 20;
