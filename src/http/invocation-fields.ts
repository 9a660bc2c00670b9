// What an operation tells of the invocation that it is.

import type { HttpRequest, InvocationContext } from '@azure/functions';
import type { FromHost, OperationFields } from '../telemetry/operations.ts';

/** Of a timer. */
export function hostFields({ functionName, invocationId, traceContext }: InvocationContext): FromHost {
  return {
    function: functionName,
    invocationId,
    traceParent: said(traceContext?.traceParent),
    traceState: said(traceContext?.traceState),
  };
}

/** Of a request: where the host traces nothing, its client may. */
export function requestFields(request: HttpRequest, context: InvocationContext): OperationFields['request'] {
  const host = hostFields(context);
  const { route } = context.options.trigger;
  const { headers, method } = request;
  const trace =
    host.traceParent === undefined
      ? { traceParent: said(headers.get('traceparent')), traceState: said(headers.get('tracestate')) }
      : {};
  return { ...host, ...trace, method, route: typeof route === 'string' ? route : undefined };
}

/** The host without a collector says it with an empty string. */
function said(value: string | null | undefined): string | undefined {
  return value === null || value === '' ? undefined : value;
}
