// Operations -> spans: each inside the one that it was begun in, in whatever trace the Functions host says, and with
// links where a load is shared.

import {
  context,
  propagation,
  ROOT_CONTEXT,
  trace,
  type Context,
  type Span,
  type Tracer,
} from '@opentelemetry/api';
import { onOperations, type Operation, type OperationType } from '../operations.ts';
import { descriptions, fail, type DescriptionOptions, type SpanStart } from './descriptions.ts';
import { errorTypeOf } from './error-type.ts';
import { spanContextOf, traceParentOf } from './trace-parent.ts';

/** Makes spans from now on; returns how to stop. Those that have begun are ended by then, or never. */
export function traceOperations(tracer: Tracer, options: DescriptionOptions): () => void {
  const spans = new WeakMap<Operation, Span>();

  const begun = (operation: Operation): void => {
    const parent = parentOf(operation);
    const { name, kind, attributes } = startOf(operation, options);
    const span = tracer.startSpan(name, { kind, attributes }, parent);
    spans.set(operation, span);
    const inside = trace.setSpan(parent, span);
    const { within } = operation;
    operation.within = <R>(work: () => R): R =>
      context.with(inside, () => (within === undefined ? work() : within(work)));
    if (operation.type === 'lockWait') operation.traceParent = traceParentOf(span.spanContext());
    if (operation.type === 'originRequest') propagation.inject(inside, operation.headers);
  };

  const ended = (operation: Operation): void => {
    const span = spans.get(operation);
    if (span === undefined) return;
    if (span.isRecording()) {
      (descriptions[operation.type].ended as (own: Operation, its: Span) => void)(operation, span);
      link(operation, span, spans);
      if (operation.error !== undefined) fail(span, errorTypeOf(operation.error));
    }
    span.end();
  };

  return onOperations({ begun, ended });
}

function startOf<T extends OperationType>(operation: Operation<T>, options: DescriptionOptions): SpanStart {
  return descriptions[operation.type].begun(operation, options);
}

/** What is active in this process; for an invocation outside of any span, the span of the host. */
function parentOf(operation: Operation): Context {
  const active = context.active();
  // By a timer, which keeps the context that it was set in.
  if (operation.type === 'tokenRequest' && trace.getSpan(active)?.isRecording() !== true) return ROOT_CONTEXT;
  if (!('invocationId' in operation)) return active;
  if (trace.getSpanContext(active) !== undefined) return active;
  const host = spanContextOf(operation.traceParent, operation.traceState);
  return host === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, host);
}

/** To the load that an answer came from, where another read or another instance had begun it. */
function link(operation: Operation, span: Span, spans: WeakMap<Operation, Span>): void {
  if (operation.type === 'cacheRead' && operation.loadedBy !== undefined) {
    const loading = spans.get(operation.loadedBy);
    if (loading !== undefined) span.addLink({ context: loading.spanContext() });
  }
  if (operation.type === 'lockWait') {
    const elsewhere = spanContextOf(operation.loadedBy);
    if (elsewhere !== undefined) span.addLink({ context: elsewhere });
  }
}
