// What instances of a fleet do together, as events: roll calls and purges.

/** How a roll call ended. */
export interface RollCallEnded {
  readonly type: 'rollCallEnded';
  readonly expected: number;
  readonly answered: number;
  readonly rotated: number;
  readonly failed: number;
  readonly silent: number;
  /** The first 20 of them. */
  readonly silentInstances: readonly string[];
  readonly shortestTimeLeftMs: number | null;
  /** Null where it could not be read, or the roll call not be recorded: then the next one tells it. */
  readonly measures: FleetCounted | null;
}

/** What all instances counted together, in whole minutes up to this one. Without what is zero. */
export interface FleetCounted {
  readonly minutes: number;
  /** By how they ended. */
  readonly reads: Readonly<Record<string, number>>;
  readonly events: Readonly<Record<string, number>>;
  /**
   * By what took the time, how many took up to so many milliseconds, and longer than the bound before (`longer`: than
   * all of them): `{"request": {"1": 20, "2.5": 3}}`.
   */
  readonly latenciesMs: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** Now, in the memory of the instances. */
  readonly memoryEntries: number;
  readonly memoryBytes: number;
}

/** Counts only: keys and tags may say anything. */
export type PurgeEvent =
  /** This instance was asked to purge so many keys, tags and prefixes, and how that ended. */
  | {
      readonly type: 'purged';
      readonly targets: number;
      readonly expected: number;
      readonly acknowledged: number;
      readonly silent: number;
    }
  /** This instance has taken in what was purged, here or elsewhere. */
  | {
      readonly type: 'purgeAdopted';
      readonly targets: number;
      /** How many are held now. */
      readonly rules: number;
    };

/** A roll call reached this instance, and about so many in all. */
export interface RollCallHeard {
  readonly type: 'rollCallHeard';
  readonly expected: number;
}
