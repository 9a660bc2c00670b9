import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { ByteBudget } from '../../../src/util/byte-budget.ts';
import { AnswerLimit } from '../../../src/cache/answer-limit.ts';
import { newEntry } from '../../../src/cache/entry.ts';
import { loadedEntry } from '../../../src/cache/loaded-entry.ts';
import { AppError } from '../../../src/util/errors.ts';
import type { CacheAnswer } from '../../../src/cache/answer.ts';
import { batchAnswer } from '../../../src/http/batch-answer.ts';

const mebibyte = 2 ** 20;
const hit = (body: Buffer): CacheAnswer => ({
  kind: 'hit',
  entry: newEntry(body, 'text/plain', 0, 60),
  stale: false,
});

function loaded(status: number, gzipped?: Buffer): CacheAnswer {
  const answered = {
    kind: 'answered',
    status,
    body: gzipped ?? Buffer.from('hello'),
    codings: gzipped === undefined ? [] : (['gzip'] as const),
    fields: { 'content-type': 'text/plain' },
    restrictions: [],
  } as const;
  const lifetime = {
    freshness: { storedAtMs: 0, ttlSeconds: 60 },
    revalidate: false,
    staleAllowed: true,
    staleWhileRevalidateSeconds: 0,
    staleIfErrorSeconds: 0,
    keptMs: 60_000,
  };
  return {
    kind: 'loaded',
    entry: loadedEntry(answered, { etag: '"e"' }, lifetime, 1),
    forwarded: { why: 'miss', status, stored: true, collapsed: false },
  };
}

interface Item {
  readonly status: string;
  readonly code?: string;
  readonly value?: string;
  readonly encoding?: 'utf8' | 'base64';
}

const afterDamage = async (): Promise<CacheAnswer> => ({ kind: 'miss', origin: undefined });

async function answer(
  keys: readonly string[],
  results: ReadonlyMap<string, CacheAnswer>,
  limitBytes = 16 * mebibyte,
  budget = new ByteBudget(256 * mebibyte),
): Promise<{ readonly items: readonly Item[]; readonly bytes: number }> {
  const room = { limit: new AnswerLimit(limitBytes), charge: budget.open(), afterDamage };
  const whole = Buffer.concat(await batchAnswer(keys, results, room));
  return { items: (JSON.parse(whole.toString()) as { results: Item[] }).results, bytes: whole.length };
}

describe('the answer to a batch', () => {
  it('has a limit: what goes beyond it is unavailable, and says why; what is smaller still fits', async () => {
    const results = new Map([
      ['a', hit(Buffer.alloc(3000, 'a'))],
      ['b', hit(Buffer.alloc(3000, 'b'))],
      ['c', hit(Buffer.alloc(900, 'c'))],
    ]);
    const { items, bytes } = await answer(['a', 'b', 'c', 'c'], results, 4096);
    const beyond = { status: 'unavailable', code: 'answer-too-large' };
    expect(items).toMatchObject([{ status: 'hit' }, beyond, { status: 'hit' }, beyond]);
    expect(bytes).toBeLessThan(5000);
  });

  it('of 100 keys of 1 MiB of control characters is never longer than its limit', async () => {
    const found = hit(Buffer.alloc(mebibyte));
    const results = new Map(Array.from({ length: 100 }, (_, index) => [`${index}`, found] as const));
    const { items, bytes } = await answer([...results.keys()], results);
    expect(bytes).toBeLessThan(16.1 * mebibyte);
    // As base64: six times its length as text.
    expect(items.filter(({ status }) => status === 'hit')).toHaveLength(11);
    expect(items[0]).toMatchObject({ encoding: 'base64' });
  });

  it('repeats a value for each time its key was asked for, as long as there is memory', async () => {
    const results = new Map([['big', hit(Buffer.alloc(mebibyte, 'x'))]]);
    const { items } = await answer(
      Array.from({ length: 8 }, () => 'big'),
      results,
      16 * mebibyte,
      new ByteBudget(16 * mebibyte),
    );
    expect(items.map(({ status, code }) => code ?? status)).toEqual([
      'hit',
      'hit',
      'hit',
      ...Array.from({ length: 5 }, () => 'overloaded'),
    ]);
  });

  it('gives others turns of the event loop', async () => {
    const results = new Map(
      Array.from({ length: 12 }, (_, index) => [`${index}`, hit(Buffer.alloc(mebibyte, '"x'))] as const),
    );
    let turns = 0;
    let isOver = false;
    const count = (): void => {
      turns += 1;
      if (!isOver) setImmediate(count);
    };
    setImmediate(count);
    await answer([...results.keys()], results);
    isOver = true;
    expect(turns).toBeGreaterThanOrEqual(5);
  });

  const error = new AppError('origin-failed', 'The origin answered 500.');
  const outcomes: readonly (readonly [CacheAnswer, Item])[] = [
    [{ kind: 'miss', origin: 'asked' }, { status: 'miss' }],
    [{ kind: 'unavailable', error }, { status: 'unavailable' }],
    [{ kind: 'wrong-type' }, { status: 'unavailable', code: 'wrong-type' }],
    [{ kind: 'stored-value-too-large' }, { status: 'unavailable', code: 'stored-value-too-large' }],
    [{ kind: 'answer-too-large' }, { status: 'unavailable', code: 'answer-too-large' }],
    [{ kind: 'overloaded' }, { status: 'unavailable', code: 'overloaded' }],
    [
      { kind: 'origin-failed', error },
      { status: 'unavailable', code: 'origin-failed' },
    ],
    [
      { kind: 'origin-pending', error },
      { status: 'unavailable', code: 'origin-pending' },
    ],
    [loaded(403), { status: 'unavailable', code: 'origin-refused' }],
    [loaded(199), { status: 'unavailable', code: 'origin-refused' }],
  ];
  it.each(outcomes)('has one item for %j', async (found, item) => {
    expect((await answer(['k'], new Map([['k', found]]))).items).toEqual([{ key: 'k', ...item }]);
  });

  it('has values decoded, with the tag of what is decoded', async () => {
    const coded = loaded(200, gzipSync('hello'));
    const { items } = await answer(['k'], new Map([['k', coded]]));
    expect(items).toMatchObject([{ status: 'hit', value: 'hello', etag: '"e--decoded"' }]);
  });

  it('says so where there is no memory for what is decoded, or for the text', async () => {
    const coded = new Map([['k', loaded(200, gzipSync('hello'))]]);
    const small = await answer(['k'], coded, mebibyte, new ByteBudget(10));
    expect(small.items).toMatchObject([{ status: 'unavailable', code: 'overloaded' }]);
    // Short text stays text, though each of its bytes takes six here.
    const control = new Map([['k', hit(Buffer.alloc(500))]]);
    const { items } = await answer(['k'], control, 1000);
    expect(items).toMatchObject([{ status: 'unavailable', code: 'answer-too-large' }]);
  });

  it('is not made where a result is missing', async () => {
    await expect(answer(['k'], new Map())).rejects.toThrow(TypeError);
  });
});
