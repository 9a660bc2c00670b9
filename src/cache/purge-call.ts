// One purge: put in order, announced, and waited for until the instances have taken it in.

import { randomUUID } from 'node:crypto';
import type { Emit } from '../telemetry/events.ts';
import type { Clock } from '../util/clock.ts';
import { fulfilledWithin } from '../util/deadline.ts';
import { deferred } from '../util/deferred.ts';
import { AppError } from '../util/errors.ts';
import type { Acknowledgements, Placement, PurgeOrder } from './purge-order.ts';

export type PurgeOutcome =
  | {
      readonly kind: 'purged';
      /** By the clock of Redis. */
      readonly atMs: number;
      /** Instances that may have gone on without asking, or that heard of it. */
      readonly expected: number;
      readonly acknowledged: number;
      /** Of those that may have gone on without asking, those that did not answer in time. */
      readonly silent: readonly string[];
    }
  /** Nothing was purged: there are too many rules, the first of which ends then. */
  | { readonly kind: 'full'; readonly retryAfterMs: number }
  | { readonly kind: 'unavailable'; readonly error: AppError; readonly applied: 'no' | 'unknown' };

export interface PurgeCallDeps {
  readonly order: PurgeOrder;
  readonly instance: () => string;
  readonly clock: Clock;
  readonly emit: Emit;
  /** How long an instance may go on without asking. */
  readonly leaseMs: number;
  /** The latest place that is known. */
  readonly known: number;
  /** Called when it is in order: from then on it is not refused any more. */
  readonly onPlaced: () => void;
  /** Lets this instance take in what has been purged; whether it did. */
  readonly adopt: (deadlineAtMs: number) => Promise<boolean>;
}

const readyLimitMs = 500;
// An answer is on its way a while.
const marginMs = 100;

/** Never rejects but for a bug. */
export async function callPurge(
  deps: PurgeCallDeps,
  ids: readonly string[],
  deadlineAtMs: number,
): Promise<PurgeOutcome> {
  const { order, clock, known } = deps;
  const announcement = randomUUID();
  const answers = new PurgeAnswers();
  const listening = order.onAcknowledgement(announcement, (instance) => answers.add(instance));
  try {
    await isReady(listening, clock, deadlineAtMs);
    const placement = await order.place(announcement, ids, known, deadlineAtMs);
    if (placement.kind === 'full') return placement;
    deps.onPlaced();
    const outcome = await whenAcknowledged(deps, placement, answers, deadlineAtMs);
    const { expected, acknowledged, silent } = outcome;
    deps.emit({ type: 'purged', targets: ids.length, expected, acknowledged, silent: silent.length });
    return outcome;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const mayHaveHappened = error.code === 'connection-lost' || error.code === 'deadline-exceeded';
    return { kind: 'unavailable', error, applied: mayHaveHappened ? 'unknown' : 'no' };
  } finally {
    listening.stop();
  }
}

/** Whoever cannot hear answers purges all the same: then all are silent. */
async function isReady(listening: Acknowledgements, clock: Clock, deadlineAtMs: number): Promise<void> {
  const nowMs = clock.nowMs();
  const untilMs = nowMs + Math.min(readyLimitMs, (deadlineAtMs - nowMs) / 4);
  await listening.ready(untilMs).catch((error: unknown) => {
    if (!(error instanceof AppError)) throw error;
  });
}

async function whenAcknowledged(
  { clock, leaseMs, instance, adopt }: PurgeCallDeps,
  { atMs, receivers, leases }: Extract<Placement, { kind: 'placed' }>,
  answers: PurgeAnswers,
  deadlineAtMs: number,
): Promise<Extract<PurgeOutcome, { kind: 'purged' }>> {
  // Reckoned from its answer, which is later than the purge: then nobody goes by what was known before it.
  const nowMs = clock.nowMs();
  const waitMs = Math.min(deadlineAtMs - nowMs, leaseMs + marginMs);
  const own = adopt(nowMs + waitMs).then((isTaken) => isTaken && answers.add(instance()));
  own.catch(() => {});
  await fulfilledWithin(clock, waitMs, answers.all(receivers, leases));
  const asked = new Set([...(leases ?? []), ...answers.instances]);
  return {
    kind: 'purged',
    atMs,
    expected: Math.max(receivers, asked.size),
    acknowledged: answers.instances.size,
    silent: (leases ?? []).filter((one) => !answers.instances.has(one)),
  };
}

class PurgeAnswers {
  readonly instances = new Set<string>();
  readonly #complete = deferred<void>();
  #isComplete = (): boolean => false;

  add(instance: string): void {
    this.instances.add(instance);
    if (this.#isComplete()) this.#complete.resolve();
  }

  /** Never resolves where nobody can say who goes on without asking: then the time has to pass. */
  all(receivers: number, leases: readonly string[] | undefined): Promise<void> {
    this.#isComplete = () =>
      leases !== undefined &&
      this.instances.size >= Math.max(receivers, 1) &&
      leases.every((one) => this.instances.has(one));
    if (this.#isComplete()) this.#complete.resolve();
    return this.#complete.promise;
  }
}
