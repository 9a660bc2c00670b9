// Creates the origins that were chosen: the default one, and those of rules.

import type { TokenCredentialLike } from '../auth/token-source.ts';
import type { Clock } from '../util/clock.ts';
import { createBlobOrigin } from '../origin/blob/blob-origin.ts';
import { withHoldOff } from '../origin/hold-off.ts';
import { createHttpOrigin } from '../origin/http/http-origin.ts';
import { OriginHealth } from '../origin/origin-health.ts';
import { originName, type OriginChoice } from '../origin/origin-rules.ts';
import { createOrigins, type Origins, type OwnOrigin } from '../origin/origins.ts';
import type { Origin } from '../origin/origin.ts';
import type { OriginRule } from '../origin/rule-form.ts';
import type { Emit } from '../telemetry/events.ts';

export interface CreateOriginOptions {
  /** Enters blob containers. */
  readonly credential: TokenCredentialLike;
  readonly clock: Clock;
  readonly emit: Emit;
  /** Of one load; a request does not wait that long. */
  readonly timeLimitMs: number;
  /** Whether what follows a question mark in a key is the query to ask an HTTP origin with. */
  readonly isQueryInKey: boolean;
}

export interface OriginSettings {
  readonly origin: OriginChoice;
  readonly originRules: readonly OriginRule[];
}

/** Rules that name the same origin share it, and each origin is held off, and reported, by itself. */
export function originsOf({ origin, originRules }: OriginSettings, options: CreateOriginOptions): Origins {
  const { emit, clock } = options;
  const made = new Map<string, OwnOrigin>();
  const ownOf = (choice: OriginChoice, name?: string): OwnOrigin | undefined => {
    const id = JSON.stringify(choice);
    const known = made.get(id);
    if (known !== undefined) return known;
    const created = createOrigin(choice, options);
    const own = created && { origin: created, health: new OriginHealth(emit, clock, name) };
    if (own !== undefined) made.set(id, own);
    return own;
  };
  const fallback = ownOf(origin);
  const rules = originRules.map((rule) => ({
    ...rule,
    origin: rule.origin && ownOf(rule.origin, originName(rule.origin)),
  }));
  return createOrigins(fallback, rules);
}

/** Undefined where there is to be none. */
function createOrigin(choice: OriginChoice, options: CreateOriginOptions): Origin | undefined {
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
