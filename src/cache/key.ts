// The rules for keys that come over HTTP. Used by functions/, filling.ts and settings.ts.
// Knows no Redis.

export interface KeyRules {
  /** Prepended to every key asked for. */
  readonly prefix: string;
  /** Keys that start with this and a colon are the app's own. */
  readonly namespace: string;
}

export type KeyResult =
  { readonly ok: true; readonly redisKey: string } | { readonly ok: false; readonly detail: string };

const maxKeyBytes = 1024;

/**
 * The key in a route value. The host decodes the path but leaves %2F (as Kestrel does), so that a client
 * that encodes a whole key, slashes included, means the same key as one that does not.
 */
export function keyFromRoute(value: string | undefined): string {
  return (value ?? '').replaceAll(/%2f/giu, '/');
}

/** Checks a decoded key: 1 to 1,024 bytes of UTF-8, no control characters, nothing of the app's own. */
export function checkKey(key: string, rules: KeyRules): KeyResult {
  if (key === '') return { ok: false, detail: 'The key is empty.' };
  const bytes = Buffer.byteLength(key);
  if (bytes > maxKeyBytes) {
    return { ok: false, detail: `The key has ${bytes} bytes; at most ${maxKeyBytes} are allowed.` };
  }
  if (/\p{Cc}/u.test(key)) return { ok: false, detail: 'The key contains a control character.' };
  // A lone surrogate has no UTF-8 form: Redis would get U+FFFD, and different keys would become one.
  if (!key.isWellFormed()) return { ok: false, detail: 'The key is not valid Unicode.' };
  const redisKey = rules.prefix + key;
  if (isReserved(redisKey, rules.namespace)) {
    return { ok: false, detail: 'Keys under this prefix are reserved for the app.' };
  }
  return { ok: true, redisKey };
}

/** Whether a key, or every key that begins so, is the app's own. */
export function isReserved(redisKey: string, namespace: string): boolean {
  return redisKey.startsWith(`${namespace}:`);
}
