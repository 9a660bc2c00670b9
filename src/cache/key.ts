// The rules for the names of entries, and the Redis keys they stand for.

export interface KeyRules {
  /** Prepended to every key asked for. */
  readonly prefix: string;
  /** Keys that start with this and a colon are the app's own. */
  readonly namespace: string;
}

/** A key as callers and the origin know it, and as Redis does. */
export interface EntryKey {
  readonly name: string;
  readonly redisKey: string;
}

export type KeyResult =
  { readonly kind: 'valid'; readonly key: EntryKey } | { readonly kind: 'invalid'; readonly detail: string };

export const maxKeyBytes = 1024;

/** Checks a decoded key: 1 to 1,024 bytes of UTF-8, no control characters, nothing of the app's own. */
export function checkKey(name: string, rules: KeyRules): KeyResult {
  if (name === '') return invalid('The key is empty.');
  const bytes = Buffer.byteLength(name);
  if (bytes > maxKeyBytes) {
    return invalid(`The key has ${bytes} bytes; at most ${maxKeyBytes} are allowed.`);
  }
  if (/\p{Cc}/u.test(name)) return invalid('The key contains a control character.');
  // A lone surrogate has no UTF-8 form: Redis would get U+FFFD, and different keys would become one.
  if (!name.isWellFormed()) return invalid('The key is not valid Unicode.');
  const redisKey = rules.prefix + name;
  if (isReserved(redisKey, rules.namespace)) {
    return invalid('Keys under this prefix are reserved for the app.');
  }
  return { kind: 'valid', key: { name, redisKey } };
}

/** Undefined for what keys can begin with: the empty prefix is that of all. Else what is wrong with it. */
export function prefixFault(prefix: string): string | undefined {
  const bytes = Buffer.byteLength(prefix);
  if (bytes > maxKeyBytes) return `The prefix has ${bytes} bytes; at most ${maxKeyBytes} are allowed.`;
  if (/\p{Cc}/u.test(prefix)) return 'The prefix contains a control character.';
  return prefix.isWellFormed() ? undefined : 'The prefix is not valid Unicode.';
}

function invalid(detail: string): KeyResult {
  return { kind: 'invalid', detail };
}

/** Whether a key, or every key that begins so, is the app's own. */
export function isReserved(redisKey: string, namespace: string): boolean {
  return redisKey.startsWith(`${namespace}:`);
}
