// Commands of node-redis -> database client spans, from the tracing channels that it publishes them on. Their arguments
// are never looked at: they hold keys, values and tokens.
// https://opentelemetry.io/docs/specs/semconv/db/redis/

import { tracingChannel } from 'node:diagnostics_channel';
import { context, SpanKind, trace, type Span, type Tracer } from '@opentelemetry/api';
import { shielded } from '../../util/shielded.ts';
import { fail } from './descriptions.ts';
import { errorTypeOf, redisStatusOf } from './error-type.ts';
import { conventional as otel } from './names.ts';

/** As node-redis publishes it; a batch has no `command`, and a command of a pipeline has both. */
interface Command {
  readonly command?: string;
  readonly batchMode?: string;
  readonly batchSize?: number;
  readonly database: number;
  readonly serverAddress: string;
  readonly serverPort: number | undefined;
  /** Set by the channel. */
  readonly error?: unknown;
}

/**
 * Makes spans of the commands that are sent within a span, from now on; returns how to stop. What a client does on its
 * own account, such as its handshake, is in no trace.
 */
export function traceCommands(tracer: Tracer): () => void {
  const spans = new WeakMap<Command, Span>();

  const start = shielded((command: Command) => {
    // Those of a pipeline are one span.
    if (command.command !== undefined && command.batchMode !== undefined) return;
    const active = context.active();
    if (!isInside(trace.getSpan(active))) return;
    const name = command.command ?? command.batchMode ?? 'PIPELINE';
    const span = tracer.startSpan(name, { kind: SpanKind.CLIENT }, active);
    // Not as it starts: for samplers the SDK copies attributes twice, and no sampler of the app's looks at them.
    if (span.isRecording()) span.setAttributes(attributesOf(command, name));
    spans.set(command, span);
  });

  const finish = (command: Command): void => {
    const span = spans.get(command);
    if (span === undefined) return;
    spans.delete(command);
    if (command.error !== undefined) failWith(span, command.error);
    span.end();
  };
  // Without a promise where the command could not even be queued.
  const end = shielded((command: Command) => {
    if (command.error !== undefined) finish(command);
  });
  const asyncEnd = shielded(finish);

  const stops = ['node-redis:command', 'node-redis:batch'].flatMap((name) => {
    const channel = tracingChannel<unknown, object>(name);
    return (
      [
        ['start', start],
        ['end', end],
        ['asyncEnd', asyncEnd],
      ] as const
    ).map(([at, handler]) => {
      const listener = (command: unknown): void => handler(command as Command);
      channel[at].subscribe(listener);
      return () => channel[at].unsubscribe(listener);
    });
  });
  return () => {
    for (const stop of stops) stop();
  };
}

/** Timers keep the context that they were set in: what they send after its span has ended is no part of that. */
function isInside(span: Span | undefined): boolean {
  return span !== undefined && (span.isRecording() || span.spanContext().isRemote === true);
}

function attributesOf({ database, serverAddress, serverPort, batchSize }: Command, name: string) {
  return {
    [otel.dbSystem]: 'redis',
    [otel.dbOperation]: name,
    [otel.dbNamespace]: `${database}`,
    [otel.serverAddress]: serverAddress,
    ...(serverPort === undefined ? {} : { [otel.serverPort]: serverPort }),
    // The conventions: 1 is no batch.
    ...(batchSize === undefined || batchSize === 1 ? {} : { [otel.dbBatchSize]: batchSize }),
  };
}

function failWith(span: Span, error: unknown): void {
  const status = redisStatusOf(error);
  if (status !== undefined) span.setAttribute(otel.dbStatus, status);
  fail(span, status ?? errorTypeOf(error));
}
