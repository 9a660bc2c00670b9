import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteBudget } from '../../../src/util/byte-budget.ts';
import { AnswerLimit } from '../../../src/cache/answer-limit.ts';
import { newEntry } from '../../../src/cache/entry.ts';
import type { CacheAnswer } from '../../../src/cache/answer.ts';
import { batchAnswer } from '../../../src/http/batch-answer.ts';
import { jsonFormOf } from '../../../src/http/json-form.ts';

const mebibyte = 2 ** 20;
const hit = (body: Buffer): CacheAnswer => ({
  kind: 'hit',
  entry: newEntry(body, 'text/plain', 0, 60),
  stale: false,
});

interface Item {
  readonly status: string;
  readonly code?: string;
  readonly value?: string;
  readonly encoding?: 'utf8' | 'base64';
}

async function answer(
  keys: readonly string[],
  results: ReadonlyMap<string, CacheAnswer>,
  limitBytes = 16 * mebibyte,
  budget = new ByteBudget(256 * mebibyte),
): Promise<{ readonly items: readonly Item[]; readonly bytes: number }> {
  const room = { limit: new AnswerLimit(limitBytes), charge: budget.open() };
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

  it('leaves others their turns', async () => {
    const results = new Map(
      Array.from({ length: 12 }, (_, index) => [`${index}`, hit(Buffer.alloc(mebibyte, '"x'))] as const),
    );
    let turns = 0;
    const counting = setInterval(() => (turns += 1), 0);
    await answer([...results.keys()], results);
    await sleep(1);
    clearInterval(counting);
    expect(turns).toBeGreaterThanOrEqual(5);
  });
});

describe('bytes in JSON', () => {
  it('take what was foretold, come back as they were, and never much more than base64', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 4000 }),
      fc.string({ unit: 'binary', maxLength: 3000 }).map((text) => Buffer.from(text)),
      fc
        .array(fc.constantFrom('"', '\\', '\n', '\0', 'a', 'é', '\u2028', '😀'), { maxLength: 3000 })
        .map((parts) => Buffer.from(parts.join(''))),
    );
    fc.assert(
      fc.property(bytes, (some) => {
        const body = Buffer.from(some);
        const form = jsonFormOf(body);
        const json = JSON.stringify(body.toString(form.encoding));
        expect(Buffer.byteLength(json)).toBe(form.bytes + 2);
        expect(Buffer.from(JSON.parse(json) as string, form.encoding).equals(body)).toBe(true);
        if (body.length > 1024) expect(form.bytes).toBeLessThanOrEqual(Math.ceil(body.length / 3) * 4);
      }),
    );
  });
});
