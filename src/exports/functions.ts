// redis-entra-functions/functions: what the app registers, on your own `app` of @azure/functions.

export { registerCacheRoutes, type CacheRoutesOptions } from './cache-routes.ts';
export { entraCallers } from './callers.ts';
export type {
  AuthenticatedCaller,
  AuthenticatedHandler,
  AuthenticatedOptions,
  CallerPrefixes,
  Callers,
  EntraCallersOptions,
} from './callers-api.ts';
export type { AuthLevel, FunctionsApp } from './functions-app.ts';
export { httpHandler, type HttpHandlerOptions, type HttpInvocation, type OwnHandle } from './http-handler.ts';
export { logEvents, type LogSink } from './log-events.ts';
export { registerProbes, type ProbesOptions } from './probes.ts';
export { registerReauthentication, type ReauthenticationOptions } from './reauthentication.ts';
export {
  registerWarmup,
  type LoadedWarmSet,
  type OriginWarmSet,
  type WarmSet,
  type WarmupOptions,
} from './warmup.ts';
export { AppError, type ErrorCode } from '../util/errors.ts';
