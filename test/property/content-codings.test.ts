// Content codings: what was encoded comes out as it was, and nothing that is cut, followed by garbage or too large.

import * as zlib from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeBody, readCodings, type ContentCoding } from '../../src/origin/content-codings.ts';

const encoders: Readonly<Record<ContentCoding, (body: Buffer) => Buffer>> = {
  gzip: (body) => zlib.gzipSync(body),
  deflate: (body) => zlib.deflateSync(body),
  br: (body) => zlib.brotliCompressSync(body, { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 4 } }),
  zstd: (body) => zlib.zstdCompressSync(body),
};
const all = Object.keys(encoders) as ContentCoding[];
const bodies = fc.uint8Array({ maxLength: 2000 }).map((bytes) => Buffer.from(bytes));
const encoded = (body: Buffer, codings: readonly ContentCoding[]): Buffer =>
  codings.reduce((bytes, coding) => encoders[coding](bytes), body);

describe('a coded body', () => {
  it('comes out as it was, through one coding or several', async () => {
    const codings = fc.array(fc.constantFrom(...all), { maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(bodies, codings, async (body, applied) => {
        const decoded = await decodeBody(encoded(body, applied), applied, 10_000);
        expect(decoded).toEqual({ kind: 'decoded', body });
      }),
    );
  });

  it.each(all)('in %s that is cut anywhere, or followed by anything, is none', async (coding) => {
    const garbage = fc.uint8Array({ minLength: 1, maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(
        bodies,
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        garbage,
        async (body, ratio, more) => {
          const whole = encoders[coding](body);
          const cut = whole.subarray(0, Math.floor(whole.length * ratio));
          expect((await decodeBody(cut, [coding], 10_000)).kind).toBe('damaged');
          // What looks like a further gzip member or zstd frame is damaged in itself.
          expect((await decodeBody(Buffer.concat([whole, more]), [coding], 10_000)).kind).toBe('damaged');
        },
      ),
      { numRuns: 50 },
    );
  });

  it.each(all)('in %s that grows beyond the limit is given up', async (coding) => {
    const bomb = encoders[coding](Buffer.alloc(5_000_000));
    expect(await decodeBody(bomb, [coding], 4_999_999)).toEqual({ kind: 'too-large' });
    expect((await decodeBody(bomb, [coding], 5_000_000)).kind).toBe('decoded');
  });

  it('called deflate may lack the header of the zlib format', async () => {
    const body = Buffer.from('the value '.repeat(100));
    expect(await decodeBody(zlib.deflateRawSync(body), ['deflate'], 10_000)).toEqual({
      kind: 'decoded',
      body,
    });
  });
});

it.each([
  [undefined, []],
  ['', []],
  ['identity', []],
  ['Identity', []],
  ['gzip', ['gzip']],
  ['X-GZIP', ['gzip']],
  ['gzip, identity,, BR', ['gzip', 'br']],
  ['compress', 'compress'],
  ['gzip, aes128gcm', 'aes128gcm'],
  ['constructor', 'constructor'],
])('Content-Encoding %j names %j', (field, codings) => {
  expect(readCodings(field)).toEqual(codings);
});
