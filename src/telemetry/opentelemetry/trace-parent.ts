// W3C Trace Context between instances and the Functions host: https://www.w3.org/TR/trace-context/#traceparent-header

import { createTraceState, isSpanContextValid, type SpanContext } from '@opentelemetry/api';

const form =
  /^(?!ff)[\da-f]{2}-(?<traceId>[\da-f]{32})-(?<spanId>[\da-f]{16})-(?<flags>[\da-f]{2})(?:-.*)?$/u;

/** Undefined where `traceParent` is none. */
export function spanContextOf(traceParent: string | undefined, traceState?: string): SpanContext | undefined {
  const groups = form.exec(traceParent ?? '')?.groups;
  if (groups === undefined) return undefined;
  const { traceId = '', spanId = '', flags = '' } = groups;
  const spanContext: SpanContext = {
    traceId,
    spanId,
    traceFlags: Number.parseInt(flags, 16) & 1,
    isRemote: true,
    ...(traceState === undefined || traceState === '' ? {} : { traceState: createTraceState(traceState) }),
  };
  return isSpanContextValid(spanContext) ? spanContext : undefined;
}

export function traceParentOf({ traceId, spanId, traceFlags }: SpanContext): string {
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
}
