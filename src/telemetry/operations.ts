// What this process does, as operations on tracing channels: a listener sees when each began, inside which other, and
// how it ended. Where nobody listens, an operation costs one look at a channel.

import { tracingChannel, type TracingChannel } from 'node:diagnostics_channel';
import { shielded } from '../util/shielded.ts';
import type { Counts, ReadKind } from './measures.ts';

/**
 * What is known of each type of operation when it begins, and, where the name may be left out, when it ends. None has a
 * value, a tag, a token or who calls; a key is to be asked for by who may show it.
 */
export interface OperationFields {
  /** One invocation of a function of this app over HTTP. */
  request: FromHost & {
    readonly method: string;
    /** As registered: `cache/{*key}`. */
    readonly route: string | undefined;
    status?: number;
    /** The code of the problem that was answered. */
    problem?: string;
  };
  cacheRead: {
    readonly keys: number;
    /** Where it is one. */
    readonly key?: () => string;
    result?: ReadKind;
    /** Where there are many: how many of them ended so. */
    results?: Partial<Counts<ReadKind>>;
    /** What another read had begun, and this one waited for. */
    loadedBy?: Operation<'originLoad' | 'lockWait'>;
  };
  cacheWrite: {
    readonly change: 'write' | 'remove' | 'purge';
    readonly key?: () => string;
    outcome?: string;
  };
  /** Until the lock of a load is had, or what another instance has loaded. */
  lockWait: {
    outcome?: string;
    /**
     * The span of this wait, in the form of W3C Trace Context: set by who listens when it has begun. Where the lock is had,
     * it goes into it; the load that follows is of the same trace.
     */
    traceParent?: string;
    /** That of the instance that was found to have the lock. */
    loadedBy?: string;
  };
  /** One load, from whatever source: the requests to it are `originRequest`. */
  originLoad: {
    readonly source: 'http' | 'blob' | 'factory';
    readonly why: 'load' | 'bypass' | 'renewal' | 'warmup';
    readonly key?: () => string;
    outcome?: string;
    bytes?: number;
  };
  originRequest: {
    readonly method: string;
    readonly host: string;
    readonly port: number;
    /** Header fields that go with the request; who listens may add `traceparent`. */
    readonly headers: Record<string, string>;
    status?: number;
  };
  tokenRequest: { outcome?: 'rotated' | 'not-advancing' | 'failed' };
  rollCall: FromHost & { expected?: number; answered?: number; silent?: number };
  warmup: FromHost & { entries?: number; failed?: number };
}

/** What the Functions host says of an invocation. */
export interface FromHost {
  readonly function: string;
  readonly invocationId: string;
  /** W3C Trace Context; empty where the host traces nothing. */
  readonly traceParent: string | undefined;
  readonly traceState: string | undefined;
}

export type OperationType = keyof OperationFields;

/** To be told apart by `type`. */
export type Operation<T extends OperationType = OperationType> = { [K in T]: OperationOf<K> }[T];

type OperationOf<T extends OperationType> = OperationFields[T] & {
  readonly type: T;
  /** Set by who listens when it has begun: runs the work, so that what is begun in it is seen as its part. */
  within?: <R>(work: () => R) => R;
  /** Whether its work goes on when `end` is published: then `asyncEnd` ends it. */
  isPending?: boolean;
  /** What was thrown, where something was. */
  error?: unknown;
};

export interface OperationListener {
  readonly begun: (operation: Operation) => void;
  readonly ended: (operation: Operation) => void;
}

const prefix = 'redis-entra-functions.';

type Channel = TracingChannel<unknown, object>;

const channels: Readonly<Record<OperationType, Channel>> = {
  request: tracingChannel(`${prefix}request`),
  cacheRead: tracingChannel(`${prefix}cacheRead`),
  cacheWrite: tracingChannel(`${prefix}cacheWrite`),
  lockWait: tracingChannel(`${prefix}lockWait`),
  originLoad: tracingChannel(`${prefix}originLoad`),
  originRequest: tracingChannel(`${prefix}originRequest`),
  tokenRequest: tracingChannel(`${prefix}tokenRequest`),
  rollCall: tracingChannel(`${prefix}rollCall`),
  warmup: tracingChannel(`${prefix}warmup`),
};

/**
 * Runs `work` as an operation of the type. `work` is given the operation, to fill in what comes of it, where somebody
 * listens; undefined where nobody does.
 */
export function operation<T extends OperationType, R>(
  type: T,
  begin: () => OperationFields[T],
  work: (operation: Operation<T> | undefined) => R,
): R {
  const channel = channels[type];
  return channel.start.hasSubscribers ? told<T, R>(channel, { ...begin(), type }, work) : work(undefined);
}

/** Whether anybody listens to it: for who cannot afford what `operation` is given. */
export function isObserved(type: OperationType): boolean {
  return channels[type].start.hasSubscribers;
}

/** Listens to all operations; returns how to stop. What a listener throws is ignored. */
export function onOperations({ begun, ended }: OperationListener): () => void {
  const endedOf = shielded((own: Operation) => ended(own));
  const endedAtOnce = shielded((own: Operation) => (own.isPending === true ? undefined : ended(own)));
  const handlers = [
    ['start', shielded((own: Operation) => begun(own))],
    ['end', endedAtOnce],
    ['asyncEnd', endedOf],
  ] as const;
  const stops = Object.values(channels).flatMap((channel) =>
    handlers.map(([at, handler]) => {
      const listener = (own: unknown): void => handler(own as Operation);
      channel[at].subscribe(listener);
      return () => channel[at].unsubscribe(listener);
    }),
  );
  return () => {
    for (const stop of stops) stop();
  };
}

/** As TracingChannel.tracePromise, but results are not published: they may be values. */
function told<T extends OperationType, R>(
  { start, end, asyncStart, asyncEnd, error: failed }: Channel,
  own: Operation<T>,
  work: (operation: Operation<T>) => R,
): R {
  return start.runStores(own, () => {
    try {
      const result = own.within === undefined ? work(own) : own.within(() => work(own));
      if (!(result instanceof Promise)) return result;
      own.isPending = true;
      const ended = (): void => {
        asyncStart.publish(own);
        asyncEnd.publish(own);
      };
      result.then(ended, (error: unknown) => {
        own.error = error;
        failed.publish(own);
        ended();
      });
      return result;
    } catch (error) {
      own.error = error;
      failed.publish(own);
      throw error;
    } finally {
      end.publish(own);
    }
  });
}
