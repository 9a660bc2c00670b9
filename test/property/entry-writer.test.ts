// Whatever an origin says, its entry can be stored, comes back as it went, and can be renewed by whatever it says next.

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { decodeEntry } from '../../src/cache/entry-decoder.ts';
import { encodeEntry } from '../../src/cache/entry-encoder.ts';
import { keptMs, type Entry } from '../../src/cache/entry.ts';
import { EntryWriter } from '../../src/cache/entry-writer.ts';
import type { Tier } from '../../src/cache/tier.ts';
import type { Fields } from '../../src/origin/storage.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { plain } from '../support/stored-entries.ts';

const clock = new FakeClock();
const filler = new EntryWriter({
  // Nothing is stored here.
  tier: {} as Tier,
  clock,
  random: () => 0.5,
  rules: { defaultTtlSeconds: 300, staleSeconds: 60 },
});

const byte = fc.integer({ min: 0x20, max: 0xff }).map((code) => String.fromCharCode(code));
const text = fc.string({ unit: byte, maxLength: 60 });
const seconds = fc.oneof(fc.nat(400), fc.nat(2 ** 31), fc.constantFrom('9'.repeat(30), '-1', '1.5', ''));
const date = fc.oneof(
  fc.date({ min: new Date(0), noInvalidDate: true }).map((at) => at.toUTCString()),
  fc.constantFrom('Mon, 01 Jan 0001 00:00:00 GMT', 'Sunday, 06-Nov-94 08:49:37 GMT', '0'),
  text,
);
const directives = ['max-age', 's-maxage', 'stale-while-revalidate', 'stale-if-error'] as const;
const directive = fc.oneof(
  fc.tuple(fc.constantFrom(...directives), seconds).map(([name, value]) => `${name}=${value}`),
  fc.constantFrom('no-cache', 'must-revalidate', 'public', 'no-store'),
  text,
);
const etag = fc.oneof(
  fc.constantFrom('"e"', 'W/"e"', '"f"'),
  text.map((opaque) => `"${opaque}"`),
  text,
  fc.constant(`"${'x'.repeat(3000)}"`),
);
const fields: fc.Arbitrary<Fields> = fc
  .record(
    {
      'cache-control': fc.array(directive, { maxLength: 3 }).map((all) => all.join(', ')),
      'content-type': text,
      'last-modified': date,
      'retry-after': seconds.map(String),
      age: seconds.map(String),
      expires: date,
      date,
      etag,
      link: fc.string({ unit: byte, maxLength: 3000 }),
    },
    { requiredKeys: [] },
  )
  .map((some) => ({ ...some }));
// Most 304s name what they were asked about, or nothing.
const nextFields = fc.oneof(
  fields,
  fields.map(({ etag: _tag, 'last-modified': _date, ...others }): Fields => others),
);
const statuses = fc.oneof(fc.constant(200), fc.integer({ min: 200, max: 599 }));

const stored = { entries: 0, renewed: 0 };

function expectStorable(entry: Entry): void {
  if (entry.freshness === undefined) return;
  stored.entries += 1;
  const bytes = encodeEntry(entry);
  const decoded = decodeEntry(bytes);
  expect(decoded.kind === 'entry' && plain(decoded.entry)).toEqual(entry);
  expect(bytes.length - entry.body.length).toBeLessThan(4096);
  expect(keptMs(entry)).toBeGreaterThan(0);
  expect(Number.isSafeInteger(keptMs(entry))).toBe(true);
}

it('an entry is stored and renewed as it is, whatever was said of it', () => {
  fc.assert(
    fc.property(fields, statuses, nextFields, (said, status, saidNext) => {
      const body = Buffer.from('body');
      const answer = {
        kind: 'answered',
        status,
        body,
        codings: ['gzip'],
        fields: said,
        restrictions: [],
      } as const;
      const entry = filler.entryOf(answer, 5);
      expectStorable(entry);
      if (entry.freshness === undefined) return;
      const next = filler.updated(entry, { fields: saidNext, restrictions: [] });
      if (next === undefined) return;
      stored.renewed += 1;
      expectStorable(next);
      expect(next.etag).toBe(entry.etag);
      expect(next.loaded?.status).toBe(status);
    }),
    { numRuns: 2000 },
  );
  expect(Math.min(...Object.values(stored))).toBeGreaterThan(100);
});
