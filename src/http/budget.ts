// A request's time budget -> the deadline for what it does inside. Used by functions/.

import type { Clock } from '../util/clock.ts';

/**
 * When the work of a request that begins now has to end, in milliseconds since the epoch: a tenth of the
 * budget, at most 200 ms, is kept for the host and for writing the answer.
 */
export function deadlineAtMs(clock: Clock, budgetMs: number): number {
  return clock.nowMs() + budgetMs - Math.min(budgetMs / 10, 200);
}
