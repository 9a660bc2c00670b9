// Which rule counts for a key, and what is listed for a prefix, whatever the rules are: held to plain models.

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { listedSections } from '../../src/origin/listed-sections.ts';
import { longestPrefix } from '../../src/util/longest-prefix.ts';

// Few letters, so that prefixes contain each other, and are equal to keys.
const text = fc.string({ unit: fc.constantFrom('a', 'b', '/', 'ü'), maxLength: 5 });
const origins = ['one', 'two', 'none that lists'] as const;
const rules = fc.uniqueArray(
  fc.record({ prefix: text, origin: fc.option(fc.constantFrom(...origins), { nil: undefined }) }),
  { selector: ({ prefix }) => prefix, maxLength: 8 },
);
const fallback = fc.option(fc.constantFrom(...origins), { nil: undefined });
const canList = (origin: string): boolean => origin !== 'none that lists';

/** Longer and longer beginnings of the key: the last one that is a prefix counts. */
function naive<T extends { readonly prefix: string }>(all: readonly T[], key: string): T | undefined {
  let found: T | undefined;
  for (let length = 0; length <= key.length; length += 1) {
    found = all.find(({ prefix }) => prefix === key.slice(0, length)) ?? found;
  }
  return found;
}

it('the longest prefix counts', () => {
  let hits = 0;
  fc.assert(
    fc.property(rules, text, (all, key) => {
      const found = longestPrefix(all)(key);
      if (found !== undefined) hits += 1;
      expect(found).toBe(naive(all, key));
    }),
    { numRuns: 2000 },
  );
  expect(hits).toBeGreaterThan(200);
});

it('every key is listed once by its own origin, where that lists', () => {
  let listed = 0;
  fc.assert(
    fc.property(
      rules,
      fallback,
      text,
      fc.uniqueArray(text, { maxLength: 20 }),
      (all, usual, prefix, keys) => {
        const originOf = (key: string): string | undefined => naive(all, key)?.origin ?? usual;
        const sections = listedSections<string>(prefix, all, usual, canList);
        const found = sections.flatMap((section) =>
          // Every origin holds every key: only its own is to count.
          keys.filter((key) => key.startsWith(section.prefix) && originOf(key) === section.origin),
        );
        const wanted = keys.filter(
          (key) => key.startsWith(prefix) && canList(originOf(key) ?? 'none that lists'),
        );
        listed += wanted.length;
        expect(found.toSorted()).toEqual(wanted.toSorted());
        expect(sections.length).toBeLessThanOrEqual(all.length + 1);
      },
    ),
    { numRuns: 2000 },
  );
  expect(listed).toBeGreaterThan(500);
});
