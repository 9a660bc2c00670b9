// What the purges say of an entry is what each of them, asked one by one, would say.

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { newEntry, type EntryHead } from '../../src/cache/entry.ts';
import {
  PurgeRules,
  ruleId,
  scopedTag,
  type PurgeMode,
  type PurgeTarget,
} from '../../src/cache/purge-rules.ts';
import { loaded } from '../contract/tier-world.ts';

interface Purge {
  readonly mode: PurgeMode;
  readonly target: PurgeTarget;
  readonly place: number;
  readonly leftMs: number;
}

const scope = 'shop:';
const name = fc
  .string({ unit: fc.constantFrom('a', 'b', 'é', '😀', '~'), maxLength: 5 })
  .map((rest) => scope + rest);
const tag = fc.constantFrom('red', 'green', 'blue');
const target: fc.Arbitrary<PurgeTarget> = fc.oneof(
  name.map((key) => ({ kind: 'key', name: key }) as const),
  name.map((prefix) => ({ kind: 'prefix', name: prefix }) as const),
  fc
    .tuple(fc.constantFrom(scope, 'other:', '', 'shop', `${scope}a`, `${scope}a😀`, `${scope}b`), tag)
    .map(([of, label]) => ({ kind: 'tag', name: scopedTag(of, label) }) as const),
);
const purge: fc.Arbitrary<Purge> = fc.record({
  mode: fc.constantFrom('stale', 'remove'),
  target,
  place: fc.integer({ min: 1, max: 30 }),
  leftMs: fc.constantFrom(1000, 5000),
});
const entry = fc.record({
  key: name,
  tags: fc.option(fc.array(tag, { maxLength: 2 }), { nil: undefined }),
  place: fc.option(fc.integer({ min: 0, max: 31 }), { nil: undefined }),
  isLoaded: fc.boolean(),
});

/** Which entries a purge is about, without an index. */
function isAbout({ kind, name: of }: PurgeTarget, key: string, head: EntryHead): boolean {
  if (kind === 'key') return key === of;
  if (kind === 'prefix') return key.startsWith(of);
  const [within = '', label = ''] = of.split('\n');
  if (!within.startsWith(scope) || !key.startsWith(within)) return false;
  const areUnknown = head.place === undefined && head.loaded !== undefined;
  return areUnknown || head.tags?.includes(label) === true;
}

it('is the same as of each purge alone, and no purge is forgotten early', () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(
      fc.array(fc.array(purge, { maxLength: 8 }), { maxLength: 4 }),
      fc.array(entry, { minLength: 1, maxLength: 5 }),
      fc.boolean(),
      (batches, entries, isLater) => {
        const rules = new PurgeRules();
        for (const batch of batches) {
          rules.add(
            batch.map(({ mode, target: of, place, leftMs }) => ({ id: ruleId(mode, of), place, leftMs })),
            0,
          );
        }
        if (isLater) rules.drop(20_000);
        const latest = new Map<string, Purge>();
        const endsAtMs = new Map<string, number>();
        for (const one of batches.flat()) {
          const id = ruleId(one.mode, one.target);
          if (one.place > (latest.get(id)?.place ?? 0)) latest.set(id, one);
          endsAtMs.set(id, Math.max(endsAtMs.get(id) ?? 0, one.leftMs + 10_000));
        }
        const isThere = ([id]: readonly [string, Purge]): boolean =>
          !isLater || (endsAtMs.get(id) ?? 0) > 20_000;
        const there = [...latest].filter(isThere).map(([, one]) => one);
        expect(rules.size).toBe(there.length);
        for (const { key, tags, place, isLoaded } of entries) {
          const head: EntryHead = {
            ...newEntry(Buffer.alloc(0), 'text/plain', 1, 1),
            ...(isLoaded ? { loaded } : {}),
            tags,
            place,
          };
          const after = there.filter((one) => one.place > (place ?? 0) && isAbout(one.target, key, head));
          const { kind } = rules.judge(key, scope, head);
          seen.add(kind);
          if (after.some(({ mode }) => mode === 'remove')) expect(kind).toBe('removed');
          else if (after.length > 0) expect(kind).toBe('stale');
          // Only what might have been purged by a rule that has gone may be taken for stale, or gone.
          else if (rules.floor <= (place ?? 0) || !isLoaded) expect(kind).toBe('kept');
          else expect(kind).not.toBe('kept');
        }
      },
    ),
    { numRuns: 2000 },
  );
  expect([...seen].toSorted()).toEqual(['kept', 'removed', 'stale']);
});
