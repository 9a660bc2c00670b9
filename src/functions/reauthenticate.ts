// The timer that renews the token of the instance it runs on. Registered by main.ts.

import type { TimerHandler } from '@azure/functions';
import type { TokenKeeper } from '../auth/token-keeper.ts';

export interface ReauthenticateDeps {
  readonly keeper: TokenKeeper;
}

/** A failed renewal is a warning, not a failed invocation: the keeper goes on trying by itself. */
export function reauthenticate({ keeper }: ReauthenticateDeps): TimerHandler {
  return async (_timer, context) => {
    const renewal = await keeper.renewIfDue();
    const { expiresAtMs } = keeper.status();
    const outcome = {
      renewal: renewal.kind,
      tokenExpiresAt: expiresAtMs === undefined ? null : new Date(expiresAtMs).toISOString(),
      ...(renewal.kind === 'failed' ? { reason: renewal.reason } : {}),
    };
    const line = `reauthenticate ${JSON.stringify(outcome)}`;
    if (renewal.kind === 'failed' || expiresAtMs === undefined) context.warn(line);
    else context.log(line);
  };
}
