// Operations -> what their spans are called and say: by the semantic conventions where there are some, else `cache.*`.

import { SpanKind, SpanStatusCode, type Attributes, type Span } from '@opentelemetry/api';
import type { FromHost, Operation, OperationType } from '../operations.ts';
import { readKinds, type ReadKind } from '../measures.ts';
import { conventional as otel, own, snakeCase } from './names.ts';
import type { ShowKey } from './shown-key.ts';

export interface SpanStart {
  readonly name: string;
  readonly kind: SpanKind;
  readonly attributes: Attributes;
}

export interface DescriptionOptions {
  /** The name of the Function App, before the name of a function, as the conventions say for Azure. */
  readonly functionApp: string | undefined;
  readonly showKey: ShowKey | undefined;
}

interface Description<T extends OperationType> {
  readonly begun: (operation: Operation<T>, options: DescriptionOptions) => SpanStart;
  readonly ended: (operation: Operation<T>, span: Span) => void;
}

const { INTERNAL, CLIENT, PRODUCER } = SpanKind;
const inSnakeCase = Object.fromEntries(readKinds.map((kind) => [kind, snakeCase(kind)])) as Record<
  ReadKind,
  string
>;
const failures: ReadonlySet<ReadKind | undefined> = new Set<ReadKind>(['unavailable', 'failed']);

/**
 * The span of a function is INTERNAL: the SERVER span of the request is the Functions host's, and its parent. A second
 * one would count every request twice.
 */
export const descriptions: { readonly [T in OperationType]: Description<T> } = {
  request: {
    begun: (operation, options) => ({
      name: operation.function,
      kind: INTERNAL,
      attributes: {
        ...invocation(operation, 'http', options),
        [otel.httpMethod]: operation.method,
        ...(operation.route === undefined ? {} : { [otel.httpRoute]: `/${operation.route}` }),
      },
    }),
    ended({ status, problem }, span) {
      if (status === undefined) return;
      span.setAttribute(otel.httpStatus, status);
      if (status >= 500) fail(span, problem ?? `${status}`);
    },
  },
  cacheRead: {
    begun: ({ keys, key }, { showKey }) => ({
      name: 'cache read',
      kind: INTERNAL,
      attributes: { [own.keys]: keys, ...shown(key, showKey) },
    }),
    ended({ result, results }, span) {
      for (const kind of results === undefined ? [] : readKinds) {
        const count = results?.[kind];
        if (count !== undefined && count > 0) span.setAttribute(`${own.results}.${inSnakeCase[kind]}`, count);
      }
      if (result === undefined) return;
      span.setAttribute(own.result, inSnakeCase[result]);
      if (failures.has(result)) fail(span, inSnakeCase[result]);
    },
  },
  cacheWrite: {
    begun: ({ change, key }, { showKey }) => ({
      name: `cache ${change}`,
      kind: INTERNAL,
      attributes: { [own.change]: change, ...shown(key, showKey) },
    }),
    ended: setOutcome,
  },
  lockWait: {
    begun: () => ({ name: 'cache lock wait', kind: INTERNAL, attributes: {} }),
    ended: setOutcome,
  },
  originLoad: {
    begun: ({ source, why, key }, { showKey }) => ({
      name: 'cache load',
      kind: INTERNAL,
      attributes: { [own.loadSource]: source, [own.loadReason]: why, ...shown(key, showKey) },
    }),
    ended(operation, span) {
      setOutcome(operation, span);
      if (operation.bytes !== undefined) span.setAttribute(own.loadSize, operation.bytes);
    },
  },
  originRequest: {
    // Without `url.full`, which the conventions ask for: the key is in it.
    begun: ({ method, host, port }) => ({
      name: method,
      kind: CLIENT,
      attributes: { [otel.httpMethod]: method, [otel.serverAddress]: host, [otel.serverPort]: port },
    }),
    ended({ status }, span) {
      if (status === undefined) return;
      span.setAttribute(otel.httpStatus, status);
      // An origin that has no such entry has answered the question.
      if (status >= 400 && status !== 404) fail(span, `${status}`);
    },
  },
  tokenRequest: {
    begun: () => ({ name: 'token request', kind: INTERNAL, attributes: {} }),
    ended(operation, span) {
      setOutcome(operation, span);
      if (operation.outcome === 'failed') fail(span, 'token-unavailable');
    },
  },
  rollCall: {
    begun: (operation, options) => ({
      name: 'publish roll-call',
      kind: PRODUCER,
      attributes: {
        ...invocation(operation, 'timer', options),
        [otel.messagingSystem]: 'redis',
        [otel.messagingOperation]: 'publish',
        [otel.messagingOperationType]: 'send',
        [otel.messagingDestination]: 'roll-call',
      },
    }),
    ended({ expected, answered, silent }, span) {
      span.setAttributes(
        defined({ [own.expected]: expected, [own.answered]: answered, [own.silent]: silent }),
      );
    },
  },
  warmup: {
    begun: (operation, options) => ({
      name: operation.function,
      kind: INTERNAL,
      attributes: invocation(operation, 'timer', options),
    }),
    ended({ entries, failed }, span) {
      span.setAttributes(defined({ [own.warmed]: entries, [own.warmupsFailed]: failed }));
    },
  },
};

/** An error's status has no description: messages may name keys. */
export function fail(span: Span, type: string): void {
  span.setAttribute(otel.errorType, type);
  span.setStatus({ code: SpanStatusCode.ERROR });
}

function invocation(
  { function: name, invocationId }: FromHost,
  trigger: 'http' | 'timer',
  { functionApp }: DescriptionOptions,
): Attributes {
  return {
    [otel.faasTrigger]: trigger,
    [otel.faasName]: functionApp === undefined ? name : `${functionApp}/${name}`,
    [otel.faasInvocationId]: invocationId,
  };
}

function setOutcome({ outcome }: { readonly outcome?: string | undefined }, span: Span): void {
  if (outcome !== undefined) span.setAttribute(own.outcome, snakeCase(outcome));
}

function shown(key: (() => string) | undefined, showKey: ShowKey | undefined): Attributes {
  return key === undefined || showKey === undefined ? {} : { [own.key]: showKey(key()) };
}

function defined(attributes: Attributes): Attributes {
  return Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined));
}
