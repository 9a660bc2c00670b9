// Bodies that the cache has compressed, and what only says that it is one.

import { brotliCompressSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { newEntry, type Entry } from '../../../src/cache/entry.ts';
import { plainBytesOf, withoutCodings, withoutCompression } from '../../../src/cache/stored-body.ts';
import { loaded } from '../../contract/tier-world.ts';

const text = (bytes: number): Buffer => Buffer.from('Some text. '.repeat(bytes).slice(0, bytes));
const gzipped = (body: Buffer): Entry => ({ ...newEntry(body, 'text/plain', 1, 60), isGzipped: true });

describe('a compressed body', () => {
  it.each([1, 513, 8192, 8193, 300_000])('of %i bytes is what it was', async (bytes) => {
    const entry = gzipped(gzipSync(text(bytes)));
    expect(plainBytesOf(entry)).toBe(bytes);
    const result = withoutCompression(entry);
    // Small ones at once: a hit does not wait for the thread pool.
    expect(result instanceof Promise).toBe(bytes > 8192);
    expect(await result).toEqual({ kind: 'body', body: text(bytes) });
  });

  it('over codings of its origin gives back what that has sent, and the plain bytes', async () => {
    const sent = brotliCompressSync(gzipSync(text(5000)));
    const entry: Entry = { ...gzipped(gzipSync(sent)), loaded: { ...loaded, codings: ['gzip', 'br'] } };
    expect(await withoutCompression(entry)).toEqual({ kind: 'body', body: sent });
    expect(await withoutCodings(entry, 5000)).toEqual({ kind: 'body', body: text(5000) });
    expect(await withoutCodings(entry, 4999)).toEqual({ kind: 'damaged' });
  });

  it.each([700, 100_000])(
    'of %i bytes is damaged where it is anything else, and takes no more memory',
    async (bytes) => {
      const whole = gzipSync(text(bytes));
      const lying = Buffer.from(whole);
      lying.writeUInt32LE(bytes - 1, lying.length - 4);
      const flipped = Buffer.from(whole);
      flipped.writeUInt8(flipped.readUInt8(30) ^ 0xff, 30);
      const bodies = [
        text(bytes),
        Buffer.alloc(0),
        Buffer.alloc(18),
        whole.subarray(0, 17),
        whole.subarray(0, -1),
        Buffer.concat([whole, Buffer.from('more')]),
        Buffer.concat([whole, whole]),
        lying,
        flipped,
      ];
      for (const body of bodies) expect(await withoutCompression(gzipped(body))).toEqual({ kind: 'damaged' });
    },
  );
});
