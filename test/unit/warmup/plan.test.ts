import { describe, expect, it } from 'vitest';
import { newEntry } from '../../../src/cache/entry.ts';
import { taggingOf } from '../../../src/origin/tags.ts';
import { AppError } from '../../../src/util/errors.ts';
import { planFor, type Plan } from '../../../src/warmup/plan.ts';
import { loadedHead } from '../../support/scripted-warmup.ts';

const storedAtMs = Date.UTC(2026, 0, 1);
const beforeExpiryMs = storedAtMs + 99_000;
const afterExpiryMs = storedAtMs + 101_000;
const etag = '"v1"';

function plan(
  fields: Readonly<Record<string, string>>,
  listedEtag: string | undefined,
  nextRunAtMs: number,
  revalidate = false,
): Plan {
  const head = loadedHead(storedAtMs, fields, { revalidate });
  return planFor(
    { kind: 'hit', head },
    listedEtag === undefined ? undefined : { etag: listedEtag },
    nextRunAtMs,
  );
}

describe('what a listing names', () => {
  it.each([
    ['is current where it is unchanged, and fresh until after the next run', etag, beforeExpiryMs, 'current'],
    ['is extended where it is unchanged, and would expire before', etag, afterExpiryMs, 'extend'],
    ['is loaded where it has changed', '"v2"', beforeExpiryMs, 'load'],
  ])('%s', (_name, listedEtag, nextRunAtMs, kind) => {
    expect(plan({ etag }, listedEtag, nextRunAtMs).kind).toBe(kind);
  });

  it('is extended where it has to be validated on each use', () => {
    expect(plan({ etag }, etag, beforeExpiryMs, true).kind).toBe('extend');
  });

  it('is loaded in whole where it has changed, however fresh it is', () => {
    expect(plan({ etag }, '"v2"', beforeExpiryMs)).toMatchObject({ isFresh: false, held: { etag: 'any' } });
  });
});

describe('the tags that a listing names', () => {
  const said = (tags: readonly string[]) => ({ etag, tagging: { tags, restrictions: [] } });
  const tagged = (tags: readonly string[] | undefined) =>
    ({ kind: 'hit', head: { ...loadedHead(storedAtMs, { etag }), tags } }) as const;

  it('are written where the entry was stored before they were read', () => {
    expect(planFor(tagged(undefined), said(['a']), beforeExpiryMs).kind).toBe('extend');
    expect(planFor(tagged(['b']), said(['a', 'b']), beforeExpiryMs).kind).toBe('extend');
  });

  it('change nothing where the entry has them', () => {
    expect(planFor(tagged(['b', 'a', 'c']), said(['a', 'b']), beforeExpiryMs).kind).toBe('current');
    expect(planFor(tagged(['a']), { etag }, beforeExpiryMs).kind).toBe('current');
  });

  it('end the entry where it cannot have them', () => {
    const listed = { etag, tagging: taggingOf({ 'cache-tag': 'a b' }) };
    expect(planFor(tagged(undefined), listed, beforeExpiryMs).kind).toBe('extend');
  });
});

describe('what the settings name', () => {
  it.each([
    [
      'is current where it is fresh and nothing would tell whether it has changed',
      {},
      beforeExpiryMs,
      'current',
    ],
    ['is loaded where it is not', {}, afterExpiryMs, 'load'],
    ['is asked for where it has a tag', { etag }, beforeExpiryMs, 'load'],
    ['is asked for where it has a date', { 'last-modified': 'any' }, beforeExpiryMs, 'load'],
  ])('%s', (_name, fields, nextRunAtMs, kind) => {
    expect(plan(fields, undefined, nextRunAtMs).kind).toBe(kind);
  });

  it.each([
    [beforeExpiryMs, true],
    [afterExpiryMs, false],
  ])('needs no new lifetime where it is fresh until after the next run (%i: %s)', (nextRunAtMs, isFresh) => {
    expect(plan({ etag }, undefined, nextRunAtMs)).toMatchObject({ kind: 'load', isFresh });
  });
});

describe('what is cached already', () => {
  it.each([
    ['by a client', newEntry(Buffer.from('x'), 'text/plain', storedAtMs, 100)],
    ['by another program', undefined],
    ['without a lifetime', { ...loadedHead(storedAtMs, { etag }), freshness: undefined }],
  ])('%s is left alone', (_name, head) => {
    expect(planFor({ kind: 'hit', head }, { etag }, beforeExpiryMs)).toEqual({ kind: 'foreign' });
  });

  it('is loaded where there is nothing', () => {
    expect(planFor({ kind: 'miss' }, { etag }, 0)).toEqual({ kind: 'load', held: undefined, isFresh: false });
  });

  it('fails where it cannot be an entry, or cannot be asked for', () => {
    const error = new AppError('redis-unavailable', 'away');
    expect(planFor({ kind: 'wrong-type' }, { etag }, 0)).toEqual({ kind: 'failed', cause: 'wrong-type' });
    const unavailable = { kind: 'failed', cause: 'cache-unavailable' };
    expect(planFor({ kind: 'unavailable', error }, { etag }, 0)).toEqual(unavailable);
  });
});
