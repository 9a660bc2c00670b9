// Caches that purge, and what each of them says of a key.

import { expect } from 'vitest';
import type { Cache } from '../../src/exports/cache.ts';
import { eventually } from './eventually.ts';

/** What a purge is given: longer than instances may go on without asking. */
export const timeoutMs = 5000;

/** A value, `stale` before one that is, or the kind of the result. */
export function read(caches: readonly Cache[], key: string): Promise<readonly unknown[]> {
  return Promise.all(
    caches.map(async (cache) => {
      const result = await cache.get(key, { timeoutMs });
      if (result.kind !== 'hit') return result.kind;
      return result.stale ? `stale ${String(result.value)}` : result.value;
    }),
  );
}

/** When all have read, and hear of purges, and there are no others. */
export async function hearing(caches: readonly Cache[]): Promise<readonly Cache[]> {
  const count = caches.length;
  await eventually(async () => {
    await read(caches, 'warm');
    const purged = await caches[0]?.purge({ keys: ['warm'] }, { timeoutMs });
    expect(purged).toMatchObject({ kind: 'purged', expected: count, acknowledged: count, silent: [] });
  });
  return caches;
}
