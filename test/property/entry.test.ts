import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeEntry, decodeHead, encodeEntry, loadedEntry, magic, newEntry } from '../../src/cache/entry.ts';

const bodies = fc.uint8Array({ maxLength: 4096 }).map((bytes) => Buffer.from(bytes));
const contentTypes = fc.string({ maxLength: 255 });
const times = fc.integer({ min: 0, max: 2 ** 45 });
const ttls = fc.integer({ min: 1, max: 31_536_000 });

describe('entries in Redis', () => {
  it('come back as they went, byte for byte', () => {
    fc.assert(
      fc.property(bodies, contentTypes, times, ttls, (body, contentType, storedAtMs, ttlSeconds) => {
        const entry = newEntry(body, contentType, storedAtMs, ttlSeconds);
        expect(decodeEntry(encodeEntry(entry))).toEqual(entry);
      }),
    );
  });

  const etags = fc.option(fc.string({ maxLength: 300 }), { nil: undefined });
  const validators = fc.option(fc.string({ maxLength: 200 }), { nil: undefined });

  it('that were loaded come back with what the origin said of them', () => {
    fc.assert(
      fc.property(
        bodies,
        contentTypes,
        etags,
        validators,
        ttls,
        fc.boolean(),
        (body, contentType, etag, validator, ttl, staleAllowed) => {
          const freshness = { storedAtMs: 1, ttlSeconds: ttl / 3 };
          const maxAgeSeconds = staleAllowed ? undefined : ttl;
          const loaded = { validator, staleSeconds: 60, loadMs: 12.5, maxAgeSeconds, staleAllowed };
          const entry = loadedEntry({ body, contentType, etag }, freshness, loaded);
          expect(decodeEntry(encodeEntry(entry))).toEqual(entry);
          const isSendable = /^[\t\u0020-\u007E]{1,255}$/u.test(contentType);
          expect(entry.contentType).toBe(isSendable ? contentType : 'application/octet-stream');
          // The origin's tag is kept where it can stand in a header and in the stored form.
          if (etag !== undefined && /^[!#-~]{1,255}$/u.test(etag)) expect(entry.etag).toBe(etag);
          else expect(entry.etag).toMatch(/^[\w-]{22}$/u);
        },
      ),
    );
  });

  it('tell by their first bytes what they are, or how many more it takes', () => {
    fc.assert(
      fc.property(bodies, contentTypes, fc.nat(2000), (body, contentType, cut) => {
        const stored = encodeEntry(newEntry(body, contentType, 1, 1));
        const decoded = decodeHead(stored.subarray(0, Math.max(cut, magic.length + 1)));
        if (decoded.kind === 'head') {
          const { body: _body, ...head } = decodeEntry(stored);
          expect(decoded.head).toEqual(head);
        } else {
          expect(decoded).toMatchObject({ kind: 'cut' });
          if (decoded.kind === 'cut') expect(decoded.headBytes).toBeGreaterThan(cut);
        }
      }),
    );
  });

  it('may hold what looks like an entry', () => {
    fc.assert(
      fc.property(bodies, contentTypes, (body, contentType) => {
        const inner = encodeEntry(newEntry(body, contentType, 0, 1));
        expect(decodeEntry(encodeEntry(newEntry(inner, 'a/b', 0, 1))).body).toEqual(inner);
      }),
    );
  });

  it('are never taken for what somebody else wrote as text, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const stored = Buffer.from(text);
        expect(decodeEntry(stored)).toMatchObject({
          body: stored,
          contentType: 'text/plain; charset=utf-8',
          freshness: undefined,
        });
      }),
    );
  });

  it('that are cut or changed are served as bytes, not misread', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (rest) => {
        const stored = Buffer.concat([magic, rest]);
        const decoded = decodeEntry(stored);
        if (decoded.freshness === undefined) expect(decoded.body).toEqual(stored);
      }),
    );
    const whole = encodeEntry(newEntry(Buffer.from('body'), 'text/plain', 1, 1));
    for (let length = 0; length < whole.length - 'body'.length; length += 1) {
      expect(decodeEntry(whole.subarray(0, length)).body).toEqual(whole.subarray(0, length));
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
