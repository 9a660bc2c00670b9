import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { magic, version } from '../../src/cache/entry-form.ts';
import { storableFields } from '../../src/cache/stored-fields.ts';
import { decodeEntry, decodeHead } from '../../src/cache/entry-decoder.ts';
import { encodeEntry } from '../../src/cache/entry-encoder.ts';
import { newEntry, type Entry } from '../../src/cache/entry.ts';
import { loadedEntry } from '../../src/cache/loaded-entry.ts';
import { plain } from '../support/stored-entries.ts';

const bodies = fc.uint8Array({ maxLength: 4096 }).map((bytes) => Buffer.from(bytes));
const contentTypes = fc.string({ minLength: 1, maxLength: 255 });
const times = fc.integer({ min: 0, max: 2 ** 45 });
const ttls = fc.integer({ min: 1, max: 31_536_000 });

function decoded(stored: Buffer): Entry {
  const result = decodeEntry(stored);
  return result.kind === 'entry' ? plain(result.entry) : expect.unreachable(result.kind);
}

describe('entries in Redis', () => {
  it('come back as they went, byte for byte', () => {
    fc.assert(
      fc.property(bodies, contentTypes, times, ttls, (body, contentType, storedAtMs, ttlSeconds) => {
        const entry = newEntry(body, contentType, storedAtMs, ttlSeconds);
        expect(decoded(encodeEntry(entry))).toEqual(entry);
      }),
    );
  });

  const etags = fc.option(fc.string({ maxLength: 300 }), { nil: undefined });
  const anyByte = fc.integer({ min: 0x20, max: 0xff }).map((code) => String.fromCharCode(code));
  const fieldValues = fc.string({ unit: anyByte, maxLength: 300 });

  it('that no reader could serve are not written', () => {
    for (const contentType of ['', 'text/html\r\nSet-Cookie: a=b', 'tëxt', 'x'.repeat(256)]) {
      expect(() => encodeEntry(newEntry(Buffer.alloc(0), contentType, 1, 1))).toThrow('type');
    }
  });

  it('tell one write from another, also of the same bytes', () => {
    const write = (): Entry => newEntry(Buffer.from('body'), 'text/plain', 1, 1);
    expect(new Set(Array.from({ length: 100 }, () => write().writeId)).size).toBe(100);
    expect(encodeEntry(write())).not.toEqual(encodeEntry(write()));
  });

  it('that were loaded come back with what the origin said of them', () => {
    fc.assert(
      fc.property(
        bodies,
        fc.string({ maxLength: 255 }),
        etags,
        fieldValues,
        ttls,
        fc.boolean(),
        (body, contentType, opaque, value, ttl, isOdd) => {
          const ttlSeconds = Math.round((ttl / 3) * 1000) / 1000;
          const lifetime = {
            freshness: { storedAtMs: 1, ttlSeconds },
            revalidate: isOdd,
            staleAllowed: !isOdd,
            staleWhileRevalidateSeconds: 60,
            staleIfErrorSeconds: ttl,
            keptMs: ttl,
          };
          const etag = opaque === undefined ? undefined : `${isOdd ? 'W/' : ''}"${opaque}"`;
          const said = { 'content-type': contentType, link: value, ...(etag === undefined ? {} : { etag }) };
          const status = isOdd ? 403 : 200;
          const codings = isOdd ? (['gzip', 'br'] as const) : [];
          const answer = { kind: 'answered', status, body, codings, fields: said, restrictions: [] } as const;
          const entry = loadedEntry(answer, storableFields(said, status, 1), lifetime, 12);
          expect(decoded(encodeEntry(entry))).toEqual(entry);
          const isSendable = /^[\t\u0020-\u007E]{1,255}$/u.test(contentType);
          expect(entry.contentType).toBe(isSendable ? contentType : 'application/octet-stream');
          // The origin's tag is kept where it can stand in a header and in the stored form.
          if (opaque !== undefined && /^[!#-~]{1,255}$/u.test(opaque)) expect(entry.etag).toBe(opaque);
          else expect(entry.etag).toMatch(/^[\w-]{22}$/u);
        },
      ),
    );
  });

  it('tell by their first bytes what they are, or how many more it takes', () => {
    fc.assert(
      fc.property(bodies, contentTypes, fc.nat(2000), (body, contentType, cut) => {
        const stored = encodeEntry(newEntry(body, contentType, 1, 1));
        const start = decodeHead(stored.subarray(0, cut));
        if (start.kind === 'head') {
          const { body: _body, ...head } = decoded(stored);
          expect(start.head).toEqual(head);
        } else {
          expect(start).toMatchObject({ kind: 'cut' });
          if (start.kind === 'cut') expect(start.headBytes).toBeGreaterThan(cut);
        }
      }),
    );
  });

  it('may hold what looks like an entry', () => {
    fc.assert(
      fc.property(bodies, contentTypes, (body, contentType) => {
        const inner = encodeEntry(newEntry(body, contentType, 0, 1));
        expect(decoded(encodeEntry(newEntry(inner, 'a/b', 0, 1))).body).toEqual(inner);
      }),
    );
  });

  it('are never taken for what somebody else wrote as text, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const stored = Buffer.from(text);
        expect(decoded(stored)).toMatchObject({
          body: stored,
          contentType: 'text/plain; charset=utf-8',
          freshness: undefined,
        });
      }),
    );
  });

  it('that are cut, of an earlier version, or else nonsense are none', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (rest) => {
        expect(decodeEntry(Buffer.concat([magic, Buffer.from([version]), rest])).kind).toBe('invalid');
        const [written] = rest;
        const { kind } = decodeEntry(Buffer.concat([magic, rest]));
        expect(kind).toBe(written !== undefined && written > version ? 'newer' : 'invalid');
      }),
    );
    const whole = encodeEntry(newEntry(Buffer.from('body'), 'text/plain', 1, 1));
    for (let length = magic.length; length < whole.length - 'body'.length; length += 1) {
      expect(decodeEntry(whole.subarray(0, length))).toEqual({ kind: 'invalid', reason: 'cut' });
    }
  });

  it('have a tag that depends on bytes and type and on nothing else', () => {
    const tag = (body: string, type: string, atMs: number): string =>
      newEntry(Buffer.from(body), type, atMs, 1).etag;
    expect(tag('a', 'text/plain', 1)).toBe(tag('a', 'text/plain', 2));
    expect(tag('a', 'text/plain', 1)).not.toBe(tag('b', 'text/plain', 1));
    expect(tag('a', 'text/plain', 1)).not.toBe(tag('a', 'text/html', 1));
  });
});
