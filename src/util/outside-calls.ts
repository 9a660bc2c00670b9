// Work that is nobody's call, though it is begun within one.

import { AsyncResource } from 'node:async_hooks';

// Of the time when this was loaded.
const context = new AsyncResource('redis-entra-functions');

/**
 * Runs `work` outside of the asynchronous context of whoever calls. What lives longer than a call (timers, connections)
 * would else keep that call's context, and all that it does later would be seen as part of the call.
 */
export function outsideCalls<T>(work: () => T): T {
  return context.runInAsyncScope(work);
}
