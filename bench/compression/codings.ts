// What each coding makes of the bodies of a data set, and what it takes: to write, and to read for a client that does not
// take it.

import * as zlib from 'node:zlib';
import { promisify } from 'node:util';
import { median } from '../support/median.ts';
import { concurrently, timed } from '../support/timing.ts';

interface Coding {
  readonly name: string;
  readonly encode: (body: Buffer) => Buffer;
  readonly decode: (body: Buffer) => Buffer;
}

const { BROTLI_PARAM_QUALITY, BROTLI_PARAM_SIZE_HINT, BROTLI_PARAM_MODE, BROTLI_MODE_TEXT } = zlib.constants;

const codings: readonly Coding[] = [
  ...[1, 3, 4, 6, 9].map((level) => ({
    name: `gzip ${level}`,
    encode: (body: Buffer) => zlib.gzipSync(body, { level }),
    decode: (body: Buffer) => zlib.gunzipSync(body),
  })),
  ...[1, 4, 5, 6, 9, 11].map((quality) => ({
    name: `br ${quality}`,
    encode: (body: Buffer) =>
      zlib.brotliCompressSync(body, {
        params: {
          [BROTLI_PARAM_QUALITY]: quality,
          [BROTLI_PARAM_SIZE_HINT]: body.length,
          [BROTLI_PARAM_MODE]: BROTLI_MODE_TEXT,
        },
      }),
    decode: (body: Buffer) => zlib.brotliDecompressSync(body),
  })),
  // Node.js 20 has none: shown for comparison.
  ...[1, 3, 9].map((level) => ({
    name: `zstd ${level}`,
    encode: (body: Buffer) =>
      zlib.zstdCompressSync(body, { params: { [zlib.constants.ZSTD_c_compressionLevel]: level } }),
    decode: (body: Buffer) => zlib.zstdDecompressSync(body),
  })),
];

const rounds = 5;
const sum = (bodies: readonly Buffer[]): number => bodies.reduce((bytes, body) => bytes + body.length, 0);

function microsEach(count: number, work: () => void): number {
  const took: number[] = [];
  // The first two rounds warm the compiler up.
  for (let round = -2; round < rounds; round += 1) {
    const startedAtMs = performance.now();
    work();
    if (round >= 0) took.push(((performance.now() - startedAtMs) / count) * 1000);
  }
  return median(took);
}

export function measureCodings(bodies: readonly Buffer[]): void {
  const plainBytes = sum(bodies);
  console.log(
    `compression: ${bodies.length} bodies of ${Math.round(plainBytes / bodies.length)} B on average`,
  );
  for (const { name, encode, decode } of codings) {
    const encoded = bodies.map((body) => encode(body));
    const rows = [
      `${((100 * sum(encoded)) / plainBytes).toFixed(1)} % of the bytes`,
      `encoding ${microsEach(bodies.length, () => bodies.forEach((body) => encode(body))).toFixed(0)} us`,
      `decoding ${microsEach(bodies.length, () => encoded.forEach((body) => decode(body))).toFixed(0)} us`,
    ];
    console.log(`compression: ${name}: ${rows.join(', ')}`);
  }
}

/** How small a body has to be for the event loop to decode it itself. */
export async function measurePool(text: Buffer): Promise<void> {
  const gunzip = promisify(zlib.gunzip);
  for (const bytes of [1024, 2048, 4096, 8192, 16_384, 65_536, 262_144]) {
    const encoded = Array.from({ length: 8 }, (_, index) =>
      zlib.gzipSync(text.subarray(index * 1000, index * 1000 + bytes)),
    );
    const options = { maxOutputLength: bytes, chunkSize: bytes };
    const count = Math.max(100, Math.floor(10_000_000 / bytes));
    const of = (index: number): Buffer => encoded[index % encoded.length] ?? Buffer.alloc(0);
    const atOnce = async (): Promise<void> => {
      for (let index = 0; index < count; index += 1) zlib.gunzipSync(of(index), options);
    };
    const inPool = (width: number) => () => concurrently(count, width, (index) => gunzip(of(index), options));
    const results: string[] = [];
    for (const [name, work] of [
      ['at once', atOnce],
      ['in the pool, 8 at a time', inPool(8)],
      ['in the pool, alone', inPool(1)],
    ] as const) {
      await work();
      const before = process.threadCpuUsage();
      const tookMs = await timed(work);
      const { user, system } = process.threadCpuUsage(before);
      const loopMicros = ((user + system) / count).toFixed(0);
      results.push(
        `${name} ${loopMicros} us of the event loop (${((tookMs / count) * 1000).toFixed(0)} us in all)`,
      );
    }
    console.log(`compression: gunzip to ${bytes} B: ${results.join(', ')}`);
  }
}
