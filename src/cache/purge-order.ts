// Where purges are put in order: what can be asked of that place, and what it answers.

import type { PurgeRule } from './purge-rules.ts';

/** What an instance tells of itself when it asks. */
export interface PurgeQuestion {
  /** The latest place that it has heard of; 0 for none. */
  readonly known: number;
  /** Of the order that this place is in: see `PurgeAnswer`. */
  readonly epoch: string;
  readonly instance: string;
  /** How long it will go on without asking again, from now on: purges wait for it as long. 0 for not at all. */
  readonly leaseMs: number;
  /** How long it is about to keep an entry: see `horizonMs`. 0 for not at all. */
  readonly keptMs: number;
  /** False where another question is on its way that brings them all. */
  readonly wantsRules: boolean;
}

export interface PurgeAnswer {
  /** The last one. */
  readonly place: number;
  /** Another one wherever something may have been lost: then all rules are told again, and what is missing is restored. */
  readonly epoch: string;
  /** How long anything stored so far may be kept. A rule lives as long as this when it is made. */
  readonly horizonMs: number;
  /** Of the rules that have gone, the latest place. */
  readonly floor: number;
  readonly hasLease: boolean;
  /** Later than what is known; none where they are not wanted. */
  readonly rules: readonly PurgeRule[];
}

export type Placement =
  | {
      readonly kind: 'placed';
      readonly place: number;
      /** By the clock of Redis, in milliseconds since the epoch. */
      readonly atMs: number;
      /** How many connections heard the announcement. */
      readonly receivers: number;
      /** The instances that may go on without asking; undefined where that has been lost. */
      readonly leases: readonly string[] | undefined;
    }
  /** There are too many rules. */
  | { readonly kind: 'full'; readonly retryAfterMs: number };

/** What whoever has lost it is told. */
export interface HeldOrder {
  readonly known: number;
  readonly horizonMs: number;
  readonly floor: number;
  readonly rules: readonly PurgeRule[];
}

/** Methods that ask throw AppError where Redis refuses, or cannot be asked. */
export interface PurgeOrder {
  ask(question: PurgeQuestion, deadlineAtMs: number): Promise<PurgeAnswer>;
  /**
   * Gives a purge the next place, and announces it. To do it twice does no harm: it is a purge a little later.
   * @param announcement its identity.
   * @param known the latest place that the caller has heard of.
   */
  place(
    announcement: string,
    ids: readonly string[],
    known: number,
    deadlineAtMs: number,
  ): Promise<Placement>;
  restore(held: HeldOrder, deadlineAtMs: number): Promise<void>;
  /** @returns how to stop. */
  onAnnouncement(listener: (announcement: string) => void): () => void;
  /** What it is asked on now: another one after each loss. */
  asking(): object | undefined;
  /** What announcements are heard on now: another one after each loss. */
  hearing(): object | undefined;
  /** Instances that have taken in the purge of this announcement. */
  onAcknowledgement(announcement: string, listener: (instance: string) => void): Acknowledgements;
  acknowledge(announcement: string, instance: string, deadlineAtMs: number): Promise<void>;
}

export interface Acknowledgements {
  /** Resolves when they are heard; rejects at the deadline. */
  ready(deadlineAtMs: number): Promise<void>;
  stop(): void;
}
