// Where this process's tokens come from: the credential and the keeper of its token, started. Used by main.ts.
// Knows no Redis.

import type { TokenCredential } from '@azure/identity';
import type { Clock } from '../clock.ts';
import type { Settings } from '../settings.ts';
import type { Emit } from '../telemetry/events.ts';
import { createCredential } from './credential.ts';
import { TokenKeeper } from './token-keeper.ts';
import { createTokenSource } from './token-source.ts';

export interface Auth {
  readonly credential: TokenCredential;
  readonly keeper: TokenKeeper;
}

export interface AuthDeps {
  readonly clock: Clock;
  /** A number in [0, 1). */
  readonly random: () => number;
  readonly emit: Emit;
}

/** Asks for the first token. */
export function startAuth({ credential: chosen, entraScope, redis }: Settings, deps: AuthDeps): Auth {
  const credential = createCredential(chosen);
  const source = createTokenSource({
    credential,
    scope: entraScope,
    oidRequired: redis.username === undefined,
    clock: deps.clock,
  });
  const keeper = new TokenKeeper({ source, ...deps });
  keeper.start();
  return { credential, keeper };
}
