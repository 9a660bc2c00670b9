// One set of live parts per process, however often and by whom it is asked for. Used by main.ts.
// Knows nothing of how the parts are made.

// On globalThis, because a module that is evaluated twice (two bundles, a changed import specifier, a
// worker that loads the entry point again) has two module scopes but must share the connection.
const key = Symbol.for('redis-entra-functions.shared-parts');

interface Holder {
  [key]?: unknown;
}

/** The process's parts; `create` runs for the first caller only. */
export function sharedParts<T>(create: () => T): T {
  const holder = globalThis as Holder;
  return (holder[key] ??= create()) as T;
}
