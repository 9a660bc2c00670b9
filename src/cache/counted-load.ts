// A load of an entry, as it is counted and told of to who listens.

import type { OriginAnswer } from '../origin/origin.ts';
import type { Measures } from '../telemetry/measures.ts';
import { operation, type Operation, type OperationFields } from '../telemetry/operations.ts';
import type { ClockReading } from '../util/clock.ts';
import type { EntryKey } from './key.ts';
import type { Source } from './source.ts';

export type WhyLoaded = OperationFields['originLoad']['why'];

export interface LoadCounting {
  readonly measures: Pick<Measures, 'events' | 'latencies'>;
  readonly clock: ClockReading;
}

export interface LoadAsked {
  readonly why: WhyLoaded;
  /** Ends the load: that is no failure of the source. */
  readonly signal: AbortSignal;
  /** Where somebody listens. */
  readonly own: Operation<'originLoad'> | undefined;
}

/** Runs `load` as one operation. */
export function loadOperation<T extends { readonly kind: string }>(
  why: WhyLoaded,
  { kind: source }: Pick<Source, 'kind'>,
  { name }: EntryKey,
  load: (own: Operation<'originLoad'> | undefined) => Promise<T>,
): Promise<T> {
  const begin = (): OperationFields['originLoad'] => ({ source, why, key: () => name });
  return operation('originLoad', begin, (own) => (own === undefined ? load(own) : told(own, load(own))));
}

async function told<T extends { readonly kind: string }>(
  own: Operation<'originLoad'>,
  loading: Promise<T>,
): Promise<T> {
  const outcome = await loading;
  own.outcome = outcome.kind;
  return outcome;
}

/** Asks a source, and counts that, what it brought, and how long it took. */
export async function counted(
  { measures: { events, latencies }, clock }: LoadCounting,
  { why, signal, own }: LoadAsked,
  ask: () => Promise<OriginAnswer>,
): Promise<{ readonly answer: OriginAnswer; readonly loadMs: number }> {
  const startedAtMs = clock.nowMs();
  events.loads += 1;
  if (why === 'renewal') events.renewals += 1;
  let answer: OriginAnswer | undefined;
  let loadMs = 0;
  try {
    answer = await ask();
  } finally {
    loadMs = clock.nowMs() - startedAtMs;
    latencies.origin.record(loadMs);
    if (answer === undefined ? !signal.aborted : isFailure(answer)) events.loadsFailed += 1;
  }
  if (answer.kind === 'answered') {
    events.loadedBytes += answer.body.length;
    if (own !== undefined) own.bytes = answer.body.length;
  }
  return { answer, loadMs };
}

/** Whether it says that the origin has trouble, or what it has cannot be taken. */
function isFailure(answer: OriginAnswer): boolean {
  if (answer.kind === 'answered') return isTrouble(answer.status);
  return answer.kind === 'too-large' || answer.kind === 'not-admitted';
}

/** What is answered instead of the value rather than about it: what is at hand may do better. */
export function isTrouble(status: number): boolean {
  return status === 429 || status >= 500;
}
