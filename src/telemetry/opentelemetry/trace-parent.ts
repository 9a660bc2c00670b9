// W3C Trace Context between instances and the Functions host: https://www.w3.org/TR/trace-context/#traceparent-header

import { createTraceState, INVALID_SPANID, INVALID_TRACEID, type SpanContext } from '@opentelemetry/api';

// version-traceId-spanId-flags, and what a later version adds
const form = /^(?!ff)[\da-f]{2}-[\da-f]{32}-[\da-f]{16}-[\da-f]{2}(?:-.*)?$/u;

/** Undefined where `traceParent` is none. */
export function spanContextOf(traceParent: string | undefined, traceState?: string): SpanContext | undefined {
  if (traceParent === undefined || !form.test(traceParent)) return undefined;
  // By place: an invocation of each read has one, and groups of the form would take twice as long.
  const traceId = traceParent.slice(3, 35);
  const spanId = traceParent.slice(36, 52);
  if (traceId === INVALID_TRACEID || spanId === INVALID_SPANID) return undefined;
  const traceFlags = Number.parseInt(traceParent.slice(53, 55), 16) & 1;
  const spanContext: SpanContext = { traceId, spanId, traceFlags, isRemote: true };
  if (traceState !== undefined && traceState !== '') spanContext.traceState = createTraceState(traceState);
  return spanContext;
}

export function traceParentOf({ traceId, spanId, traceFlags }: SpanContext): string {
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
}
