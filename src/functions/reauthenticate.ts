// The timer that calls the roll: every instance of the fleet renews what is due and reports.
// Registered by app.ts. A tick costs nothing but the report when it is missed: instances renew themselves.

import type { InvocationContext, TimerHandler } from '@azure/functions';
import type { TokenKeeper } from '../auth/token-keeper.ts';
import type { Clock } from '../util/clock.ts';
import { AppError } from '../util/errors.ts';
import type { RollCall } from '../fleet/roll-call.ts';
import { nextTickAtMs } from '../util/schedule.ts';

export interface ReauthenticateDeps {
  readonly keeper: TokenKeeper;
  readonly rollCall: Pick<RollCall, 'call'>;
  readonly clock: Clock;
  /** NCRONTAB, as the host was told. */
  readonly schedule: string;
}

/** What went wrong is a warning that names who, not a failed invocation: that would hide the rest. */
export function reauthenticate(deps: ReauthenticateDeps): TimerHandler {
  return async (_timer, context) => {
    try {
      const outcome = await deps.rollCall.call(nextTickAtMs(deps.schedule, deps.clock.wallMs()));
      const { atMs, nextAtMs: next, ...fields } = outcome;
      const line = `rollCall ${JSON.stringify({ ...fields, at: iso(atMs), nextAt: next === null ? null : iso(next) })}`;
      const summary = `${outcome.answered} of ${outcome.expected} instances answered`;
      const isWell = outcome.silent.length === 0 && outcome.failed === 0 && outcome.unrecorded === null;
      if (!isWell) context.warn(`${summary}: ${line}`);
      else context.log(`${summary}: ${line}`);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      await renewAlone(deps.keeper, error, context);
    }
  };
}

/** Where nobody can be called, the instance that got the tick still looks after its own token. */
async function renewAlone(keeper: TokenKeeper, error: AppError, context: InvocationContext): Promise<void> {
  const renewal = await keeper.renewIfDue();
  const fields = { code: error.code, reason: error.message, renewal: renewal.kind };
  const why = error.code === 'command-failed' ? 'Redis refused it' : 'Redis cannot be asked';
  context.warn(`No roll call, because ${why}; instances renew themselves. ${JSON.stringify(fields)}`);
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
