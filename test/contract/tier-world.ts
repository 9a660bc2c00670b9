// What the contracts of tiers and locks are tried on, and with.

import { expect, test } from 'vitest';
import { encodeEntry } from '../../src/cache/entry-encoder.ts';
import { magic, version } from '../../src/cache/entry-form.ts';
import { newEntry, type Entry, type Loaded } from '../../src/cache/entry.ts';
import type { HeadResult, ReadResult, Tier, WriteCondition, WriteOptions } from '../../src/cache/tier.ts';
import type { ByteBudget } from '../../src/util/byte-budget.ts';
import { bytesOf, plain } from '../support/stored-entries.ts';

export const maxValueBytes = 200_000;

export interface TierWorld {
  readonly tier: Tier;
  /** A tier whose connection is gone, and one that loses its connection after each command. */
  readonly unavailable: Tier;
  readonly losing: Tier;
  readonly budget: ByteBudget;
  /** Reasons of what was taken for invalid. */
  readonly invalid: readonly string[];
  /** Versions of what was taken for newer, in the order in which events said so. */
  readonly newer: readonly number[];
  readonly deadline: () => number;
  /** What somebody else writes; `other`: of another type. */
  readonly put: (key: string, value: Buffer | 'other', forMs?: number) => Promise<void>;
  readonly stored: (key: string) => Promise<Buffer | undefined>;
  readonly leftMs: (key: string) => Promise<number>;
}

export const loaded: Loaded = {
  status: 200,
  codings: [],
  fields: { etag: '"v1"', link: '</a>' },
  isWeak: false,
  loadMs: 7,
  revalidate: false,
  staleAllowed: true,
  staleWhileRevalidateSeconds: 60,
  staleIfErrorSeconds: 60,
  keptMs: 90_000,
};

export const client = (text: string): Entry => ({
  ...newEntry(Buffer.from(text), 'text/plain', 1_700_000_000_000, 3600),
  place: 5,
});
export const fromOrigin = (text: string, more: Partial<Loaded> = {}): Entry => ({
  ...client(text),
  loaded: { ...loaded, ...more },
});
export const always = { kind: 'none', etags: [] } as const;
export const text = Buffer.from('foreign');

/** Entries that a newer version of the app wrote: of the next version, and with a field that must be understood. */
const laterVersion = encodeEntry(client('newer'));
laterVersion[magic.length] = version + 1;
export const newerEntries = [
  ['of the next version', laterVersion, version + 1],
  ['of the next version, and large', Buffer.concat([laterVersion, Buffer.alloc(150_000)]), version + 1],
  [
    'with a field that must be understood',
    bytesOf({ write: 'w', type: 'text/plain', stored: '1', ttl: '1000', Key: 'k1' }),
    version,
  ],
] as const;

/** Results whose decoded parts can be compared. */
export function comparable<T extends ReadResult | HeadResult>(results: readonly T[]): readonly T[] {
  return results.map((result) => {
    if ('entry' in result) return { ...result, entry: plain(result.entry) };
    return 'head' in result && result.head !== undefined ? { ...result, head: plain(result.head) } : result;
  });
}

/** Each test has a key of its own; its braces put what is named after it into the same slot of a cluster. */
export function contractTest<T extends TierWorld>(open: () => Promise<T>) {
  const names = { count: 0 };
  return test.extend<{ readonly world: T; readonly key: string }>({
    // oxlint-disable-next-line no-empty-pattern -- vitest reads the names of the fixtures from the pattern.
    world: async ({}, use) => {
      const world = await open();
      await use(world);
      expect(world.budget.usedBytes).toBe(0);
    },
    // oxlint-disable-next-line no-empty-pattern -- as above.
    key: async ({}, use) => use(`{contract-${(names.count += 1)}-${Math.random()}}`),
  });
}

export async function write(
  { tier, deadline }: TierWorld,
  key: string,
  entry: Entry,
  condition: WriteCondition = always,
  options?: WriteOptions,
): Promise<string> {
  return (await tier.write(key, entry, condition, deadline(), options)).kind;
}
