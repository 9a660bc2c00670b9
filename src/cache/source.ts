// Who is asked for what the cache does not have: the origin, or whatever a single call brings along.

import type { Origin } from '../origin/origin.ts';
import type { Terms } from '../origin/origins.ts';
import type { OriginHealth } from '../origin/origin-health.ts';
import type { Operation } from '../telemetry/operations.ts';
import type { Charge } from '../util/byte-budget.ts';
import type { Entry } from './entry.ts';
import type { EntryKey } from './key.ts';
import type { Room } from './tier.ts';

export interface Source extends Pick<Origin, 'load'> {
  readonly kind: Origin['kind'] | 'factory';
  /** Loads of one origin share their places; undefined for those of no origin, which share theirs. */
  readonly origin?: Origin | undefined;
  /** Told of every answer and failure. */
  readonly health: OriginHealth;
  /** What holds of its entries where it does not say; nothing of its own where undefined. */
  readonly terms?: Terms | undefined;
  /** How long a load waits for its turn, or for another instance's load. */
  readonly maxWaitMs: number;
  /** Whether it is content to hear that another source had nothing a moment ago. */
  readonly acceptsNone: boolean;
}

/** What a read brings along of its own. */
export interface ReadOptions {
  /** Holds the bytes of the answer until it is handed over. */
  readonly charge?: Charge | undefined;
  /** Asked instead of the origin, also where Redis cannot be. */
  readonly source?: Source | undefined;
  /** The caller does not want the answer any more: the read rejects with its reason where a load is waited for. */
  readonly signal?: AbortSignal | undefined;
}

/** What is to be loaded, from where, and perhaps in the place of what. */
export interface Wanted {
  readonly key: EntryKey;
  readonly source: Source;
  readonly expired: Entry | undefined;
}

/** One read under way. */
export interface Read {
  readonly key: EntryKey;
  readonly deadlineAtMs: number;
  readonly source: Source | undefined;
  readonly options: ReadOptions;
  readonly room: Room | undefined;
  /** Where somebody listens. */
  readonly own: Operation<'cacheRead'> | undefined;
}
