// The timer that calls the roll: every instance of the fleet renews its token if that is due, and reports. A missed tick
// costs the report only, because instances also renew by themselves.

import type { InvocationContext, TimerHandler } from '@azure/functions';
import type { TokenKeeper } from '../auth/token-keeper.ts';
import type { Clock } from '../util/clock.ts';
import { operation, type Operation } from '../telemetry/operations.ts';
import { AppError } from '../util/errors.ts';
import type { RollCall } from '../fleet/roll-call.ts';
import { nextTickAtMs } from '../util/schedule.ts';
import { hostFields } from '../http/invocation-fields.ts';

export interface ReauthenticateDeps {
  readonly keeper: Pick<TokenKeeper, 'renewIfDue'>;
  readonly rollCall: Pick<RollCall, 'call'>;
  readonly clock: Clock;
  /** NCRONTAB, the same that the trigger is registered with. */
  readonly schedule: string;
}

/** A failure is a warning that names the instances, not a failed invocation: that would hide the other results. */
export function reauthenticate(deps: ReauthenticateDeps): TimerHandler {
  const run = async (context: InvocationContext, own: Operation<'rollCall'> | undefined): Promise<void> => {
    try {
      const outcome = await deps.rollCall.call(nextTickAtMs(deps.schedule, deps.clock.wallMs()));
      if (own !== undefined) {
        own.expected = outcome.expected;
        own.answered = outcome.answered;
        own.silent = outcome.silent.length;
      }
      const { atMs, nextAtMs: next, ...fields } = outcome;
      const line = `rollCall ${JSON.stringify({ ...fields, at: iso(atMs), nextAt: next === null ? null : iso(next) })}`;
      const summary = `${outcome.answered} of ${outcome.expected} instances answered`;
      const isWell = outcome.silent.length === 0 && outcome.failed === 0 && outcome.unrecorded === null;
      if (!isWell) context.warn(`${summary}: ${line}`);
      else context.log(`${summary}: ${line}`);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      if (own !== undefined) own.error = error;
      await renewAlone(deps.keeper, error, context);
    }
  };
  return (_timer, context) =>
    operation(
      'rollCall',
      () => hostFields(context),
      (own) => run(context, own),
    );
}

/** Where no announcement can be made, the instance that runs the timer still renews its own token. */
async function renewAlone(
  keeper: ReauthenticateDeps['keeper'],
  error: AppError,
  context: InvocationContext,
): Promise<void> {
  const renewal = await keeper.renewIfDue();
  const fields = { code: error.code, reason: error.message, renewal: renewal.kind };
  const why = error.code === 'command-failed' ? 'Redis refused it' : 'Redis cannot be asked';
  context.warn(`No roll call, because ${why}; instances renew themselves. ${JSON.stringify(fields)}`);
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
