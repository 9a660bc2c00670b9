import { describe, expect, it } from 'vitest';
import type { EntryKey } from '../../../src/cache/key.ts';
import type { PurgeOutcome } from '../../../src/cache/purge-call.ts';
import type { PurgeRequest } from '../../../src/cache/purge-request.ts';
import { purge } from '../../../src/functions/purge.ts';
import { AppError } from '../../../src/util/errors.ts';
import { callHandler, handlerDeps, problemCode, type Called } from '../../support/call-handler.ts';
import { ScriptedCache } from '../../support/scripted-cache.ts';

const purged: PurgeOutcome = {
  kind: 'purged',
  atMs: Date.UTC(2026, 10, 26),
  expected: 3,
  acknowledged: 2,
  silent: ['host-1a2b3c'],
};

function start(outcome: PurgeOutcome = purged, writesEnabled = true) {
  const deps = handlerDeps();
  const requests: PurgeRequest[] = [];
  const cache = {
    keyOf: (name: string) => new ScriptedCache().keyOf(name),
    async purge(request: PurgeRequest, deadlineAtMs: number) {
      expect(deadlineAtMs).toBe(deps.deadlineAtMs);
      requests.push(request);
      return outcome;
    },
  };
  const handler = purge({ ...deps, cache, writesEnabled });
  const post = (body: unknown, query: Record<string, string> = {}): Promise<Called> =>
    callHandler(handler, {
      method: 'POST',
      body: typeof body === 'string' ? body : JSON.stringify(body),
      query,
    });
  return { requests, post };
}

describe('a purge', () => {
  it('names keys, tags and prefixes, and is told who has taken it in', async () => {
    const { post, requests } = start();
    const answer = await post({ keys: ['a', 'b?c=1'], tags: ['red'], prefixes: [''], mode: 'remove' });
    expect(answer.status).toBe(200);
    expect(answer.headers).toEqual({ 'content-type': 'application/json', 'cache-control': 'no-store' });
    expect(JSON.parse(answer.body ?? '')).toEqual({
      purgedAt: '2026-11-26T00:00:00.000Z',
      expected: 3,
      acknowledged: 2,
      silent: ['host-1a2b3c'],
    });
    const keys = ['a', 'b?c=1'].map((name) => expect.objectContaining({ name }) as EntryKey);
    expect(requests).toEqual([{ keys, tags: ['red'], prefixes: [''], mode: 'remove' }]);
  });

  it('makes stale unless it is told to remove', async () => {
    const { post, requests } = start();
    await post({ tags: ['red'] });
    expect(requests).toEqual([{ keys: [], tags: ['red'], prefixes: [], mode: 'stale' }]);
  });

  const many = (count: number): string[] => Array.from({ length: count }, (_, index) => `t${index}`);
  it.each([
    ['no JSON', '{', 'invalid-body'],
    ['a list', ['a'], 'invalid-body'],
    ['null', 'null', 'invalid-body'],
    ['nothing', {}, 'invalid-body'],
    ['empty lists', { keys: [], tags: [], prefixes: [] }, 'invalid-body'],
    ['another member', { keys: ['a'], everything: true }, 'invalid-body'],
    ['a list that is none', { prefixes: '' }, 'invalid-body'],
    ['what is no string', { keys: ['a', 1] }, 'invalid-body'],
    ['another mode', { keys: ['a'], mode: 'soft' }, 'invalid-body'],
    ['1,001 of them', { tags: many(1000), keys: ['a'] }, 'invalid-body'],
    ['a tag that is none', { tags: ['a b'] }, 'invalid-body'],
    ['a prefix that no key has', { prefixes: ['a\n'] }, 'invalid-body'],
    ['a prefix that is too long', { prefixes: ['a'.repeat(1025)] }, 'invalid-body'],
    ['a key that is none', { keys: ['a', 'b\n'] }, 'invalid-key'],
  ])('of %s is refused', async (_what, body, code) => {
    const { post, requests } = start();
    const answer = await post(body);
    expect([answer.status, problemCode(answer), requests]).toEqual([400, code, []]);
  });

  it('takes 1,000 of them, and no query', async () => {
    const { post } = start();
    expect((await post({ tags: many(1000) })).status).toBe(200);
    expect(problemCode(await post({ tags: ['a'] }, { tag: 'b' }))).toBe('invalid-query');
  });

  const error = new AppError('redis-unavailable', 'away', { retryAfterSeconds: 2 });
  it.each([
    ['there are too many', { kind: 'full', retryAfterMs: 61_200 }, 429, 'too-many-purges', '62'],
    ['Redis cannot be asked', { kind: 'unavailable', error, applied: 'no' }, 503, 'cache-unavailable', '2'],
    ['nobody knows', { kind: 'unavailable', error, applied: 'unknown' }, 503, 'write-outcome-unknown', '2'],
  ] as const)('where %s says when to try again', async (_what, outcome, status, code, seconds) => {
    const answer = await start(outcome).post({ tags: ['red'] });
    expect([answer.status, problemCode(answer), answer.headers['retry-after']]).toEqual([
      status,
      code,
      seconds,
    ]);
  });

  it('is refused where the cache is read-only', async () => {
    const { post, requests } = start(purged, false);
    expect(problemCode(await post({ tags: ['red'] }))).toBe('writes-disabled');
    expect(requests).toEqual([]);
  });
});
