// Entries of every version that was ever written, and of versions to come.

import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { decodeEntry, decodeHead } from '../../../src/cache/entry-decoder.ts';
import { encodeEntry } from '../../../src/cache/entry-encoder.ts';
import { magic, version } from '../../../src/cache/entry-form.ts';
import { newEntry, type Entry, type EntryHead } from '../../../src/cache/entry.ts';
import { bytesOf, plain } from '../../support/stored-entries.ts';

interface Fixture {
  readonly what: string;
  /** Base64. */
  readonly stored: string;
  /** The body as base64; none where the entry counts as absent. */
  readonly entry?: EntryHead & { readonly body: string };
}

const folder = join(import.meta.dirname, '../../fixtures/entries');
const fixturesOf = (of: number): readonly Fixture[] =>
  JSON.parse(readFileSync(join(folder, `version-${of}.json`), 'utf8')) as Fixture[];
const storedOf = ({ stored }: Fixture): Buffer => Buffer.from(stored, 'base64');

function entryOf({ entry, what }: Fixture): Entry {
  return entry === undefined
    ? expect.unreachable(what)
    : { ...entry, body: Buffer.from(entry.body, 'base64') };
}

it('there are fixtures of all versions, and of no other', () => {
  const all = Array.from({ length: version }, (_, index) => `version-${index + 1}.json`);
  expect(globSync('*', { cwd: folder }).toSorted()).toEqual(all);
});

describe('entries that were written', () => {
  it.each(fixturesOf(1))('in version 1 count as absent: $what', (fixture) => {
    expect(decodeEntry(storedOf(fixture))).toEqual({ kind: 'invalid', reason: 'version' });
  });

  it.each([2, 3].flatMap((of) => fixturesOf(of).map((fixture) => ({ of, ...fixture }))))(
    'in version $of are read as what they were: $what',
    (fixture) => {
      const decoded = decodeEntry(storedOf(fixture));
      expect(decoded.kind).toBe('entry');
      if (decoded.kind === 'entry') expect(plain(decoded.entry)).toEqual(entryOf(fixture));
    },
  );

  it.each(fixturesOf(version))('now have the bytes of the fixture: $what', (fixture) => {
    expect(encodeEntry(entryOf(fixture)).toString('base64')).toBe(fixture.stored);
  });
});

const header = { write: 'w', type: 'text/plain', stored: '1', ttl: '1' };
const newer = (field: string) => ({ kind: 'newer', version, field });

describe('an entry of a later version', () => {
  it('is one whatever follows its version, or nothing', () => {
    const stored = encodeEntry(newEntry(Buffer.from('body'), 'text/plain', 1, 1));
    for (const later of [version + 1, 255]) {
      stored[magic.length] = later;
      for (const bytes of [magic.length + 1, magic.length + 2, 30, stored.length]) {
        const expected = { kind: 'newer', version: later };
        expect(decodeEntry(stored.subarray(0, bytes))).toEqual(expected);
        expect(decodeHead(stored.subarray(0, bytes))).toEqual(expected);
      }
      expect(decodeHead(stored.subarray(0, magic.length))).toEqual({
        kind: 'cut',
        headBytes: magic.length + 1,
      });
    }
  });
});

describe('a field that is not known', () => {
  it('makes an entry a newer one where its name begins with a capital letter', () => {
    expect(decodeEntry(bytesOf({ ...header, Key: 'k1' }))).toEqual(newer('Key'));
    expect(decodeEntry(bytesOf({ Key: 'k1', ...header, Other: '' }))).toEqual(newer('Key'));
  });

  it('is that of a compressed body for a version that knows no compression, or not this one', () => {
    const compressed = fixturesOf(version).filter(({ entry }) => entry?.isGzipped === true);
    expect(compressed).toHaveLength(2);
    for (const fixture of compressed) {
      const stored = storedOf(fixture);
      stored.write('Zstd', stored.indexOf('Gzip=1\n'));
      expect(decodeEntry(stored)).toEqual(newer('Zstd'));
    }
  });

  it('that must be understood may change the known ones', () => {
    expect(decodeEntry(bytesOf({ Key: 'k1' }))).toEqual(newer('Key'));
    expect(decodeEntry(bytesOf({ ...header, ttl: 'for ever', Key: 'k1' }))).toEqual(newer('Key'));
    expect(decodeEntry(bytesOf(header, { etag: '"', more: 'Key=\n' }))).toEqual(newer('Key'));
  });

  it('is how a version that knows no tags sees an entry with some, and only such an entry', () => {
    const [bare, tagged] = [undefined, ['a']].map((tags) =>
      encodeEntry(newEntry(Buffer.from('body'), 'text/plain', 1, 1, tags)).toString('latin1'),
    );
    expect(bare).not.toMatch(/^[A-Z]\w*=/mu);
    const unknown = Buffer.from(tagged?.replace('\nTags=', '\nTagz=') ?? '', 'latin1');
    expect(decodeEntry(unknown)).toEqual(newer('Tagz'));
  });

  it('is ignored else, whatever its value', () => {
    const known = decodeEntry(bytesOf(header));
    expect(known.kind).toBe('entry');
    expect(decodeEntry(bytesOf({ ...header, tags: 'a=b\t\u00FF\0' }))).toEqual(known);
    expect(decodeEntry(bytesOf({ tags: '', ...header }, { more: 'tags=twice\n' }))).toEqual(known);
  });

  it.each(['', 'a b', 'a-b', 'x1', '\u00C9', 'K'.repeat(33), 'a\nb'])(
    'has a name of up to 32 letters, else the entry is invalid: %j',
    (name) => {
      expect(decodeEntry(bytesOf({ Key: '', ...header, [name]: 'x' }))).toEqual({
        kind: 'invalid',
        reason: 'header',
      });
    },
  );
});
