// What a span may show of a key: nothing, unless it is asked for.

import { createHash } from 'node:crypto';

/** `hashed`: the first 16 hex digits of its SHA-256. */
export const keyModes = ['none', 'hashed', 'plain'] as const;
export type KeyMode = (typeof keyModes)[number];

export type ShowKey = (key: string) => string;

/** Undefined where keys are not shown. */
export function showKey(mode: KeyMode): ShowKey | undefined {
  if (mode === 'none') return undefined;
  if (mode === 'plain') return (key) => key;
  return (key) => createHash('sha256').update(key).digest('hex').slice(0, 16);
}
