// The timer that keeps the warm set in the cache. It fires on one instance, which is enough: Redis serves all of them.

import type { InvocationContext, TimerHandler } from '@azure/functions';
import type { Measures } from '../telemetry/measures.ts';
import { operation, type Operation } from '../telemetry/operations.ts';
import type { Clock } from '../util/clock.ts';
import { AppError } from '../util/errors.ts';
import { nextTickAtMs } from '../util/schedule.ts';
import type { Warmup } from '../warmup/warmup.ts';
import type { WarmupReport } from '../warmup/report.ts';
import { hostFields } from '../http/invocation-fields.ts';

export interface ScheduledWarmupDeps {
  /** Undefined where the settings name nothing to warm. */
  readonly warmup: Pick<Warmup, 'run'> | undefined;
  readonly measures: Pick<Measures, 'events'>;
  readonly clock: Clock;
  /** NCRONTAB, the same that the trigger is registered with. */
  readonly schedule: string;
  /** After this the host ends an invocation, and the process with it. */
  readonly invocationLimitMs: number;
  /** The longest that one load takes. */
  readonly loadLimitMs: number;
}

// For storing what was loaded last, which takes up to 5 s (cache/entry-writer.ts), and for the report.
const reserveMs = 10_000;

/** A failure is a warning with its causes, not a failed invocation: that would hide the other results. */
export function scheduledWarmup(deps: ScheduledWarmupDeps): TimerHandler {
  const { warmup, measures, clock, schedule, invocationLimitMs, loadLimitMs } = deps;
  // Where invocations are short, most of the time is for warming, and the rest for ending.
  const endsAfterMs = Math.max(invocationLimitMs - reserveMs, invocationLimitMs * 0.75);
  const loadsAfterMs = Math.max(endsAfterMs - loadLimitMs, invocationLimitMs / 2);
  const run = async (context: InvocationContext, own: Operation<'warmup'> | undefined): Promise<void> => {
    if (warmup === undefined) {
      context.log('Nothing to warm: no keys are named, and no origin lists any.');
      return;
    }
    const nowMs = clock.nowMs();
    try {
      const outcome = await warmup.run({
        nextRunAtMs: nextTickAtMs(schedule, clock.wallMs()) ?? clock.wallMs(),
        deadlineAtMs: nowMs + loadsAfterMs,
        endsAtMs: nowMs + endsAfterMs,
      });
      if (outcome.kind === 'held') {
        context.log('Another instance is warming the cache; this run leaves it to that one.');
        return;
      }
      const { report } = outcome;
      const done = report.current + report.renewed + report.loaded + report.kept;
      count(measures, report, own);
      const line = `${done} of ${report.listed} entries are warm: warmup ${JSON.stringify(report)}`;
      // A warm set was configured, so an empty one is a mistake.
      if (report.listed === 0) {
        context.warn(
          `The warm set is empty: is WARMUP_PREFIX (in code: the prefix of warmSet) the beginning of blob names? ${line}`,
        );
      } else if (Object.keys(report.failed).length > 0) context.warn(line);
      else context.log(line);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      const fields = JSON.stringify({ code: error.code, reason: error.message });
      context.warn(`No warmup; the next run tries again. ${fields}`);
      if (own !== undefined) own.error = error;
    }
  };
  return (_timer, context) =>
    operation(
      'warmup',
      () => hostFields(context),
      (own) => run(context, own),
    );
}

function count(
  { events }: Pick<Measures, 'events'>,
  { listed, loaded, renewed, failed }: WarmupReport,
  own: Operation<'warmup'> | undefined,
): void {
  const failures = Object.values(failed).reduce((sum, one) => sum + one, 0);
  events.warmed += loaded + renewed;
  events.warmupsFailed += failures;
  if (own === undefined) return;
  own.entries = listed;
  own.failed = failures;
}
