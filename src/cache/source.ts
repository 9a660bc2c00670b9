// Who is asked for what the cache does not have: the origin, or whatever a single call brings along.

import type { Origin } from '../origin/origin.ts';
import type { OriginHealth } from '../origin/origin-health.ts';

export interface Source extends Pick<Origin, 'load'> {
  /** Told of every answer and failure. */
  readonly health: OriginHealth;
  /** How long a load waits for its turn, or for another instance's load. */
  readonly maxWaitMs: number;
  /** Whether it is content to hear that another source had nothing a moment ago. */
  readonly acceptsNone: boolean;
}
