// The host's own spans, as with `"telemetryMode": "OpenTelemetry"`: a server span for each request, which continues the
// client's trace, and one for each run of a timer; their context is given to the worker. Sent by OTLP as JSON, where an
// endpoint is set: https://opentelemetry.io/docs/specs/otlp/#otlphttp

import { randomBytes } from 'node:crypto';
import type { Binding, HttpData, TraceContext } from './protocol.ts';

const kinds = { internal: 1, server: 2 } as const;
const sendEveryMs = 500;
const sendLimitMs = 2000;
const mostSpans = 10_000;

interface SpanStart {
  readonly name: string;
  readonly kind: keyof typeof kinds;
  /** Of the client. */
  readonly traceParent?: string | undefined;
  readonly traceState?: string | undefined;
  readonly attributes: Readonly<Record<string, string>>;
}

interface HostSpan {
  readonly context: TraceContext;
  /** @param status of the response, where it is one. */
  end(outcome: { readonly failed: boolean; readonly status?: number }): void;
}

/** Without the path: a key is in it. */
export function requestStart(
  functionName: string,
  bindings: Readonly<Record<string, Binding>>,
  routePrefix: string,
  { method = '_OTHER', headers = {} }: HttpData,
): SpanStart {
  const trigger = Object.values(bindings).find(({ type }) => type === 'httpTrigger');
  const route = `/${routePrefix}/${trigger?.route ?? functionName}`.replaceAll('//', '/');
  return {
    name: `${method} ${route}`,
    kind: 'server',
    traceParent: headers['traceparent'],
    traceState: headers['tracestate'],
    attributes: { 'http.request.method': method, 'http.route': route, 'faas.trigger': 'http' },
  };
}

export function timerStart(name: string): SpanStart {
  return { name, kind: 'internal', attributes: { 'faas.trigger': 'timer' } };
}

/** Ends the span as the call ends. */
export async function traced<T>(
  span: HostSpan | undefined,
  call: (traceContext: TraceContext | undefined) => Promise<T>,
  statusOf?: (answer: T) => number,
): Promise<T> {
  try {
    const answer = await call(span?.context);
    const status = statusOf?.(answer);
    span?.end({ failed: status !== undefined && status >= 500, ...(status === undefined ? {} : { status }) });
    return answer;
  } catch (error) {
    span?.end({ failed: true, ...(statusOf === undefined ? {} : { status: 500 }) });
    throw error;
  }
}

const traceParentForm = /^00-(?<traceId>[\da-f]{32})-(?<spanId>[\da-f]{16})-(?<flags>[\da-f]{2})$/u;

export class HostTracing {
  readonly #endpoint: string | undefined;
  #ended: object[] = [];
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> = Promise.resolve();

  /** @param endpoint OTEL_EXPORTER_OTLP_ENDPOINT; where there is none, contexts are given and no spans sent. */
  constructor(endpoint: string | undefined) {
    this.#endpoint = endpoint;
  }

  begin({ name, kind, attributes, ...from }: SpanStart): HostSpan {
    const parent = traceParentForm.exec(from.traceParent ?? '')?.groups;
    const traceId = parent?.['traceId'] ?? randomBytes(16).toString('hex');
    const spanId = randomBytes(8).toString('hex');
    const flags = parent?.['flags'] ?? '01';
    const traceState = parent === undefined ? '' : (from.traceState ?? '');
    const startTimeUnixNano = nowNano();
    return {
      context: { traceParent: `00-${traceId}-${spanId}-${flags}`, traceState, attributes: {} },
      end: ({ failed, status }) => {
        if ((Number.parseInt(flags, 16) & 1) === 0) return;
        this.#add({
          traceId,
          spanId,
          parentSpanId: parent?.['spanId'] ?? '',
          traceState,
          name,
          kind: kinds[kind],
          startTimeUnixNano,
          endTimeUnixNano: nowNano(),
          attributes: [
            ...Object.entries(attributes).map(([key, value]) => ({ key, value: { stringValue: value } })),
            ...(status === undefined
              ? []
              : [{ key: 'http.response.status_code', value: { intValue: `${status}` } }]),
          ],
          status: failed ? { code: 2 } : {},
        });
      },
    };
  }

  /** Sends what is left. */
  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    this.#send();
    await this.#sending;
  }

  #add(span: object): void {
    if (this.#endpoint === undefined || this.#ended.length >= mostSpans) return;
    this.#ended.push(span);
    this.#timer ??= setTimeout(() => this.#send(), sendEveryMs).unref();
  }

  #send(): void {
    this.#timer = undefined;
    const spans = this.#ended.splice(0);
    if (spans.length === 0) return;
    const attributes = [{ key: 'service.name', value: { stringValue: 'functions-host' } }];
    const scopeSpans = [{ scope: { name: 'functions-host' }, spans }];
    const body = JSON.stringify({ resourceSpans: [{ resource: { attributes }, scopeSpans }] });
    this.#sending = this.#sending.then(async () => this.#post(body));
  }

  /** A collector that is away is no matter of the host's. */
  async #post(body: string): Promise<void> {
    try {
      const response = await fetch(new URL('v1/traces', `${this.#endpoint?.replace(/\/$/u, '')}/`), {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body,
        signal: AbortSignal.timeout(sendLimitMs),
      });
      await response.arrayBuffer();
    } catch {
      // Its spans are lost.
    }
  }
}

function nowNano(): string {
  return `${BigInt(Math.round((performance.timeOrigin + performance.now()) * 1000)) * 1000n}`;
}
