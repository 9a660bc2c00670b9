// Makes something once per process, even if the code is loaded twice.

// On globalThis: a module that is evaluated twice (two bundles, another import specifier, a worker that loads the
// entry point again) has two module scopes, which must share the connection.
const key = Symbol.for('redis-entra-functions.shared-parts');

interface Holder {
  [key]?: Map<string, unknown>;
}

/** The process's parts of that name; `create` runs for the first caller only. */
export function onePerProcess<T>(name: string, create: () => T): T {
  const parts = ((globalThis as Holder)[key] ??= new Map());
  if (!parts.has(name)) parts.set(name, create());
  return parts.get(name) as T;
}
