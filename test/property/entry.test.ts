import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeEntry, encodeEntry, magic, newEntry } from '../../src/cache/entry.ts';

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
