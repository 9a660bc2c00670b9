// What TypeScript takes a stored string for, the scripts inside Redis do, too: on a real server, over strings that
// are nearly entries.

import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startRedisServer, type RedisServer } from '../../local/redis-server.ts';
import { magic, version } from '../../src/cache/entry-form.ts';
import { headOfFunction } from '../../src/cache/entry-lua.ts';
import { storableFields } from '../../src/cache/stored-fields.ts';
import { decodeEntry } from '../../src/cache/entry-decoder.ts';
import { encodeEntry, encodeHeader } from '../../src/cache/entry-encoder.ts';
import { newEntry } from '../../src/cache/entry.ts';
import { loadedEntry } from '../../src/cache/loaded-entry.ts';
import { bytesOf } from '../support/stored-entries.ts';

let server: RedisServer;
beforeAll(async () => {
  server = await startRedisServer();
});
afterAll(async () => server?.stop());

const script = `${headOfFunction}
local head = headOf(KEYS[1])
return {head.kind, head.etag or redis.sha1hex(redis.call('GET', KEYS[1])), head.write or '', head.weak and 'W/' or '', head.gzip and 'gzip' or ''}`;

async function inRedis(stored: Buffer): Promise<unknown> {
  await server.admin('SET', 'key', stored);
  return server.admin('EVAL', script, '1', 'key');
}

function here(stored: Buffer): readonly [kind: string, ...parts: readonly unknown[]] {
  const decoded = decodeEntry(stored);
  if (decoded.kind !== 'entry') return [decoded.kind, expect.any(String), '', '', ''];
  const { etag, writeId, freshness, loaded, isGzipped } = decoded.entry;
  const kind = freshness === undefined ? 'foreign' : 'entry';
  return [kind, etag, writeId ?? '', loaded?.isWeak === true ? 'W/' : '', isGzipped === true ? 'gzip' : ''];
}

const seen = { entry: 0, foreign: 0, invalid: 0, newer: 0 };

async function expectAgreement(stored: Buffer): Promise<void> {
  const expected = here(stored);
  seen[expected[0] as keyof typeof seen] += 1;
  expect(await inRedis(stored)).toEqual(expected);
}

const entries = fc
  .record({
    body: fc.uint8Array({ maxLength: 600 }).map((bytes) => Buffer.from(bytes)),
    contentType: fc.string({ minLength: 1, maxLength: 255 }),
    etag: fc.option(fc.string({ maxLength: 260 }), { nil: undefined }),
    link: fc.option(fc.string({ minLength: 1, maxLength: 600 }), { nil: undefined }),
    isLoaded: fc.boolean(),
    staleAllowed: fc.boolean(),
    isGzipped: fc.option(fc.constant(true as const), { nil: undefined }),
    ms: fc.nat(),
  })
  .map(({ body, contentType, etag, link, isLoaded, staleAllowed, isGzipped, ms }) => {
    if (!isLoaded) return { ...newEntry(body, contentType, ms, 1), isGzipped };
    const lifetime = {
      freshness: { storedAtMs: ms, ttlSeconds: ms / 1000 },
      revalidate: staleAllowed,
      staleAllowed,
      staleWhileRevalidateSeconds: 1,
      staleIfErrorSeconds: 1,
      keptMs: ms,
    };
    const tag = etag === undefined ? {} : { etag: `${staleAllowed ? '' : 'W/'}"${etag}"` };
    const fields = storableFields({ ...tag, ...(link === undefined ? {} : { link }) }, 200, ms);
    const said = { ...fields, 'content-type': contentType };
    const answer = {
      kind: 'answered',
      status: 200,
      body,
      codings: [],
      fields: said,
      restrictions: [],
    } as const;
    return { ...loadedEntry(answer, fields, lifetime, 1), isGzipped };
  });

interface Change {
  readonly at: number;
  readonly removed: number;
  readonly added: Buffer;
}

const telling = [
  '\n',
  '=',
  '\0',
  '\r\n',
  'type=',
  'write=x\n',
  'tags=x\n',
  'Key=x\n',
  'Gzip=1\n',
  'Gzip=',
  'K',
  'stored=',
  '-1',
  '1e9',
  'NaN',
  '0x1',
  'ü',
  '"',
];
const changes = fc.record({
  // Most of them where the head is.
  at: fc.oneof(fc.nat(120), fc.nat(1000)),
  removed: fc.nat(3),
  added: fc.oneof(
    fc.constantFrom(...telling).map((text) => Buffer.from(text)),
    fc.uint8Array({ maxLength: 3 }).map((bytes) => Buffer.from(bytes)),
  ),
});

function changed(stored: Buffer, { at, removed, added }: Change): Buffer {
  return Buffer.concat([stored.subarray(0, at), added, stored.subarray(at + removed)]);
}

const assembled = (etag: string, header: string, written = version): Buffer =>
  bytesOf({}, { etag, more: header, version: written });

it('both call the same strings entries, foreign and invalid, with the same tag and write', async () => {
  await fc.assert(
    fc.asyncProperty(entries, async (entry) => expectAgreement(encodeEntry(entry))),
    {
      numRuns: 200,
    },
  );
  const few = fc.array(changes, { minLength: 1, maxLength: 3 });
  await fc.assert(
    fc.asyncProperty(entries, few, async (entry, all) => {
      await expectAgreement(all.reduce(changed, encodeEntry(entry)));
      // The same inside the header, whose length stays true.
      const header = encodeHeader(entry);
      const other = all.reduce(
        (bytes, change) => changed(bytes, { ...change, at: change.at % bytes.length }),
        header,
      );
      await expectAgreement(assembled(entry.etag, other.toString('latin1')));
    }),
    { numRuns: 1000 },
  );
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 20 }), fc.nat(7), async (bytes, cut) => {
      const start = Buffer.concat([magic, Buffer.from([version + (bytes.length % 3) - 1])]).subarray(0, cut);
      await expectAgreement(Buffer.concat([start, bytes]));
    }),
    { numRuns: 900 },
  );
  expect(Math.min(...Object.values(seen))).toBeGreaterThan(100);
});

const header = (fields: Readonly<Record<string, string>>): string =>
  Object.entries({ write: 'w', type: 'text/plain', stored: '1', ttl: '1', ...fields })
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');

it.each([
  ['a line break in the type', 'x', header({ type: 'text/html\r\nSet-Cookie: a=b' })],
  ['a type that is not ASCII', 'x', header({ type: 'text/ü' })],
  ['an empty type', 'x', header({ type: '' })],
  ['no number', 'x', header({ ttl: 'NaN' })],
  ['a negative number', 'x', header({ stored: '-1' })],
  ['a number beyond measure', 'x', header({ ttl: '9'.repeat(16) })],
  ['a field whose name is none', 'x', header({ 'a-b': 'x' })],
  ['a field with a name of 33 letters', 'x', header({ ['K'.repeat(33)]: 'x' })],
  ['a field twice', 'x', `${header({})}ttl=2\n`],
  ['a field without its end', 'x', header({}).slice(0, -1)],
  ['a quote in the tag', 'a"b', header({})],
  ['no tag', '', header({})],
  ['no header', 'x', ''],
])('both refuse %s', async (_what, etag, text) => {
  await expectAgreement(assembled('x', header({ type: 'a\tb', validator: 'W/"ü"' })));
  expect(here(assembled(etag, text))[0]).toBe('invalid');
  await expectAgreement(assembled(etag, text));
});

it.each([
  ['a field that must be understood', header({ Key: 'k1' })],
  ['such a field alone', 'Key=\n'],
  ['such a field beside one that is wrong', header({ Key: 'k1', ttl: '' })],
])('both take %s for the work of a newer version', async (_what, text) => {
  for (const [etag, written] of [
    ['x', version],
    ['', version],
    ['x', version + 1],
    ['x', 255],
  ] as const) {
    const stored = assembled(etag, text, written);
    expect(here(stored)[0]).toBe('newer');
    await expectAgreement(stored);
    await expectAgreement(stored.subarray(0, -'body'.length - 1));
  }
});

it.each([
  ['a field that is unknown, and may be', header({ tags: 'a\tb=c\u00FF' })],
  ['a field of JavaScript', header({ constructor: 'x' })],
  ['such a field twice', `${header({ tags: '' })}tags=\n`],
])('both ignore %s', async (_what, text) => {
  for (const written of [version - 1, version]) {
    const stored = assembled('x', text, written);
    expect(here(stored)[0]).toBe('entry');
    await expectAgreement(stored);
  }
});
