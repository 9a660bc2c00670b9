// Creates the origin that was chosen.

import type { TokenCredentialLike } from '../auth/token-source.ts';
import type { Clock } from '../util/clock.ts';
import { createBlobOrigin } from '../origin/blob/blob-origin.ts';
import { withHoldOff } from '../origin/hold-off.ts';
import { createHttpOrigin } from '../origin/http/http-origin.ts';
import type { OriginChoice } from '../origin/origin-rules.ts';
import type { Origin } from '../origin/origin.ts';

export interface CreateOriginOptions {
  /** Enters a blob container. */
  readonly credential: TokenCredentialLike;
  readonly clock: Clock;
  /** Of one load; a request does not wait that long. */
  readonly timeLimitMs: number;
  /** Whether what follows a question mark in a key is the query to ask an HTTP origin with. */
  readonly isQueryInKey: boolean;
}

/** Undefined where there is to be none. */
export function createOrigin(choice: OriginChoice, options: CreateOriginOptions): Origin | undefined {
  const { clock } = options;
  switch (choice.kind) {
    case 'none':
      return undefined;
    case 'blob':
      return withHoldOff(createBlobOrigin({ ...choice, ...options }), clock);
    case 'http':
      return withHoldOff(createHttpOrigin({ ...choice, ...options }), clock);
  }
}
