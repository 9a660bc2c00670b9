// What is compressed when it is stored, and what stays as it is.

import { randomBytes } from 'node:crypto';
import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { makeDataset } from '../../../local/dataset/dataset.ts';
import { Compressor, isCompressible } from '../../../src/cache/compressor.ts';
import { encodeEntry } from '../../../src/cache/entry-encoder.ts';
import { newEntry, type Entry, type Loaded } from '../../../src/cache/entry.ts';
import { ByteBudget } from '../../../src/util/byte-budget.ts';
import { loaded } from '../../contract/tier-world.ts';

const text = 'A sentence that is repeated. '.repeat(100);
const entryOf = (body: Buffer | string, type = 'text/plain', more?: Partial<Loaded>): Entry => ({
  ...newEntry(Buffer.from(body), type, 1, 60),
  loaded: more && { ...loaded, ...more },
});

function start(totalBytes = 2 ** 27) {
  const budget = new ByteBudget(totalBytes);
  return { budget, compressor: new Compressor({ mostPlainBytes: 1024, budget }) };
}

describe('a text', () => {
  it('becomes smaller, and keeps its tag and all else', async () => {
    const { compressor, budget } = start();
    const entry = entryOf(text);
    const stored = await compressor.compressed(entry);
    expect({ ...stored, body: gunzipSync(stored.body) }).toEqual({ ...entry, isGzipped: true });
    expect(stored.body.length).toBeLessThan(text.length / 10);
    expect(budget.usedBytes).toBe(0);
  });

  it.each([
    ['is short', entryOf(text.slice(0, 1024))],
    ['is very long', entryOf(Buffer.alloc(8 * 2 ** 20 + 1, 'x'))],
    ['is no text by its type', entryOf(text, 'application/octet-stream')],
    ['is compressed by its origin', entryOf(gzipSync(text.repeat(20)), 'text/plain', { codings: ['gzip'] })],
    [
      'may not be transformed',
      entryOf(text, 'text/plain', { fields: { 'cache-control': 'max-age=1, no-transform' } }),
    ],
    [
      'may not be transformed by caches like this',
      entryOf(text, 'text/plain', { fields: { 'cdn-cache-control': 'no-transform' } }),
    ],
    ['is compressed already', { ...entryOf(gzipSync(randomBytes(2000))), isGzipped: true as const }],
  ])('stays as it is, at once, where it %s', (_, entry) => {
    expect(start().compressor.compressed(entry)).toBe(entry);
  });

  it('stays as it is where that saves less than a tenth', async () => {
    const { compressor } = start();
    for (const entry of [
      entryOf(randomBytes(5000)),
      entryOf(Buffer.concat([randomBytes(9000), Buffer.from(text.slice(0, 600))])),
    ]) {
      expect(await compressor.compressed(entry)).toBe(entry);
    }
  });

  it('stays as it is where there is no memory for it', () => {
    const { compressor, budget } = start(text.length - 1);
    const entry = entryOf(text);
    expect(compressor.compressed(entry)).toBe(entry);
    expect(budget.usedBytes).toBe(0);
  });

  it('stays as it is where 50 others are under way', async () => {
    const { compressor, budget } = start();
    const entry = entryOf(text);
    const all = Array.from({ length: 52 }, () => compressor.compressed(entry));
    expect(all.map((one) => one === entry)).toEqual([...Array<boolean>(50).fill(false), true, true]);
    expect(budget.usedBytes).toBe(50 * text.length);
    await Promise.all(all.map(async (one) => one));
    expect(budget.usedBytes).toBe(0);
    expect(await compressor.compressed(entry)).toMatchObject({ isGzipped: true });
  });
});

describe('the data set of npm start', () => {
  it('takes at most half the bytes, heads included', async () => {
    const { compressor } = start();
    const bytes = { plain: 0, compressed: 0 };
    for (const { body, contentType } of makeDataset()) {
      const entry = entryOf(body, contentType, {});
      bytes.plain += encodeEntry(entry).length;
      bytes.compressed += encodeEntry(await compressor.compressed(entry)).length;
    }
    expect(bytes.compressed / bytes.plain).toBeLessThanOrEqual(0.5);
  });
});

describe('by its type', () => {
  it.each([
    'text/plain',
    'text/html; charset=utf-8',
    'TEXT/CSV',
    'application/json',
    'application/json;charset=utf-8',
    'application/problem+json',
    'application/xhtml+xml',
    'image/svg+xml',
    'application/javascript',
    'application/wasm',
    'application/x-ndjson',
    'application/yaml',
  ])('%s may become smaller', (type) => {
    expect(isCompressible(type)).toBe(true);
  });

  it.each([
    'application/octet-stream',
    'image/png',
    'image/svg',
    'video/mp4',
    'application/zip',
    'application/jsonx',
    'application/x-v8',
    'xtext/plain',
    'application',
    ';text/plain',
  ])('%s does not', (type) => {
    expect(isCompressible(type)).toBe(false);
  });
});
