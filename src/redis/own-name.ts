// The names of the app's own keys and channels in Redis: its bookkeeping, never readable over HTTP.

/**
 * Unit Separator. Keys that are asked for over HTTP hold no control characters, nor does a key prefix: no client of
 * this app, and of no other app of this project on the same cache, can name what is named so.
 */
export const ownMark = '\u001F';

export function ownName(namespace: string, name: string): string {
  return `${namespace}:${ownMark}${name}`;
}
