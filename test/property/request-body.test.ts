// Bodies of requests to the local host: however the bytes are cut on their way, what arrives is what was sent.

import { Readable } from 'node:stream';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ByteSource } from '../../local/functions-host/http/byte-source.ts';
import { BrokenBody, RequestBody } from '../../local/functions-host/http/request-body.ts';

const bytes = fc.uint8Array({ maxLength: 60 }).map((array) => Buffer.from(array));
const cuts = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 40 });

/** `sent` in pieces of these lengths, over and over. */
function inPieces(sent: Buffer, lengths: readonly number[]): ByteSource {
  const pieces: Buffer[] = [];
  for (let at = 0, index = 0; at < sent.length; index += 1) {
    const length = lengths[index % lengths.length] ?? 1;
    pieces.push(sent.subarray(at, at + length));
    at += length;
  }
  return new ByteSource(Readable.from(pieces));
}

function inChunks(chunks: readonly Buffer[]): Buffer {
  const parts = chunks
    .filter(({ length }) => length > 0)
    .flatMap((chunk) => [Buffer.from(`${chunk.length.toString(16)} ;x=y\r\n`), chunk, Buffer.from('\r\n')]);
  return Buffer.concat([...parts, Buffer.from('0\r\nX-Trailer: 1\r\n\r\n')]);
}

const next = Buffer.from('GET /next');

async function rest(source: ByteSource): Promise<string> {
  let text = '';
  for (let piece = await source.read(); piece !== undefined; piece = await source.read())
    text += piece.toString();
  return text;
}

it('in chunks, and what follows is the next request’s', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(bytes), cuts, fc.boolean(), async (chunks, lengths, isRead) => {
      const source = inPieces(Buffer.concat([inChunks(chunks), next]), lengths);
      const body = new RequestBody(source, 'chunked', () => {});
      if (isRead) expect(await body.read(10_000)).toEqual(Buffer.concat(chunks));
      expect(await body.discard(10_000)).toBe(true);
      expect(await rest(source)).toBe(next.toString());
    }),
  );
});

it('by its length, and what follows is the next request’s', async () => {
  await fc.assert(
    fc.asyncProperty(bytes, cuts, fc.boolean(), async (sent, lengths, isRead) => {
      const source = inPieces(Buffer.concat([sent, next]), lengths);
      const body = new RequestBody(source, sent.length, () => {});
      if (isRead) expect(await body.read(10_000)).toEqual(sent);
      expect(await body.discard(10_000)).toBe(true);
      expect(await rest(source)).toBe(next.toString());
    }),
  );
});

it('one that ends too early is broken, wherever it ends', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(bytes), cuts, fc.nat(), async (chunks, lengths, point) => {
      const whole = inChunks(chunks);
      const source = inPieces(whole.subarray(0, point % whole.length), lengths);
      await expect(new RequestBody(source, 'chunked', () => {}).read(10_000)).rejects.toThrow(BrokenBody);
    }),
  );
});

it('one that is longer than the limit is none', async () => {
  const large = Buffer.alloc(100);
  for (const length of ['chunked', 100] as const) {
    const sent = length === 'chunked' ? inChunks([large]) : large;
    expect(await new RequestBody(inPieces(sent, [7]), length, () => {}).read(99)).toBeUndefined();
    expect(await new RequestBody(inPieces(sent, [7]), length, () => {}).discard(99)).toBe(false);
    expect(await new RequestBody(inPieces(sent, [7]), length, () => {}).read(100)).toEqual(large);
  }
});

it.each(['x\r\n', '-1\r\n', '\r\n', '3\nabc', '3\r\nabcd\r\n', '123456789\r\n', `1;${'x'.repeat(9000)}\r\n`])(
  '%j begins no chunk',
  async (text) => {
    const body = new RequestBody(inPieces(Buffer.from(text), [1000]), 'chunked', () => {});
    await expect(body.read(10_000)).rejects.toThrow(BrokenBody);
  },
);
