// What the host and an instance tell each other over IPC.
// The shapes inside follow the worker's RPC:
// https://github.com/Azure/azure-functions-nodejs-worker/blob/v4.x/types-core/index.d.ts

/** One binding of a function, as `@azure/functions` registers it. */
export interface Binding {
  readonly type: string;
  readonly direction: 'in' | 'out' | 'inout';
  readonly name?: string;
  /** Of an httpTrigger. */
  readonly route?: string;
  readonly methods?: readonly string[];
  readonly authLevel?: string;
  /** Of a timerTrigger. */
  readonly schedule?: string;
  readonly runOnStartup?: boolean;
}

export interface FunctionMetadata {
  readonly name: string;
  readonly bindings: Readonly<Record<string, Binding>>;
}

export interface TypedData {
  readonly string?: string | null;
  readonly json?: string | null;
  readonly bytes?: Uint8Array | null;
  readonly http?: HttpData | null;
}

export interface HttpData {
  readonly method?: string;
  readonly url?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: TypedData | null;
  readonly statusCode?: string;
  readonly cookies?: readonly HttpCookie[];
}

interface Nullable<T> {
  readonly value: T;
}

export interface HttpCookie {
  readonly name: string;
  readonly value: string;
  readonly domain?: Nullable<string>;
  readonly path?: Nullable<string>;
  readonly expires?: Nullable<{ readonly seconds: number }>;
  readonly secure?: Nullable<boolean>;
  readonly httpOnly?: Nullable<boolean>;
  readonly sameSite?: 'none' | 'lax' | 'strict' | 'explicitNone';
  readonly maxAge?: Nullable<number>;
}

export interface Invocation {
  readonly invocationId: string;
  readonly functionName: string;
  readonly inputData: readonly { readonly name: string; readonly data: TypedData }[];
  readonly triggerMetadata: Readonly<Record<string, TypedData>>;
  /** Empty without Application Insights or OpenTelemetry, and not the client's `traceparent`. */
  readonly traceContext: TraceContext;
}

export interface TraceContext {
  readonly traceParent: string;
  readonly traceState: string;
  readonly attributes: Readonly<Record<string, string>>;
}

export type HostMessage =
  { readonly kind: 'invoke'; readonly invocation: Invocation } | { readonly kind: 'terminate' };

export type LogLevel = 'trace' | 'debug' | 'information' | 'warning' | 'error' | 'critical' | 'none';

export type InstanceMessage =
  | { readonly kind: 'started'; readonly functions: readonly FunctionMetadata[] }
  | { readonly kind: 'failed'; readonly message: string }
  | {
      readonly kind: 'log';
      /** As host.json names it, like `Function.readCache.User`. */
      readonly category: string;
      readonly level: LogLevel;
      readonly message: string;
    }
  | {
      readonly kind: 'done';
      readonly invocationId: string;
      readonly outcome:
        | { readonly ok: true; readonly returnValue: TypedData | null }
        | { readonly ok: false; readonly error: string };
    };
