import { describe, expect, it } from 'vitest';
import type { CacheAnswer } from '../../../src/cache/answer.ts';
import { readCache } from '../../../src/functions/read-cache.ts';
import type { QueryRule } from '../../../src/http/query.ts';
import { AppError } from '../../../src/util/errors.ts';
import { callHandler, handlerDeps, problemCode, type Call, type Called } from '../../support/call-handler.ts';
import { hit, ScriptedCache } from '../../support/scripted-cache.ts';

function start(queryRule: QueryRule = 'reject') {
  const deps = handlerDeps();
  const cache = new ScriptedCache();
  const handler = readCache({ ...deps, cache, queryRule, maxValueBytes: 1000 });
  const ask = (key: string | undefined, call: Call = {}): Promise<Called> =>
    callHandler(handler, { ...call, params: key === undefined ? {} : { key } });
  return { ...deps, cache, ask };
}

describe('a read', () => {
  it('of an entry answers it, and says that the cache had it', async () => {
    const { ask, cache, clock, deadlineAtMs } = start();
    cache.answers.set('greeting', hit('hello', clock.wallMs() - 20_000));
    const answer = await ask('greeting');
    expect(answer).toMatchObject({ status: 200, body: 'hello' });
    expect(answer.headers).toMatchObject({
      'cache-status': 'redis-entra-functions; hit; ttl=40',
      'content-type': 'text/plain',
      age: '20',
    });
    expect(cache.reads).toEqual([{ keys: ['greeting'], deadlineAtMs }]);
  });

  it('of an entry that was loaded just now says so', async () => {
    const { ask, cache, clock } = start();
    const { entry } = hit('hello', clock.wallMs());
    const forwarded = { why: 'miss', status: 200, stored: true, collapsed: false } as const;
    cache.answers.set('greeting', { kind: 'loaded', entry, forwarded });
    const answer = await ask('greeting');
    expect(answer).toMatchObject({ status: 200, body: 'hello' });
    expect(answer.headers['cache-status']).toContain('fwd=miss; fwd-status=200; stored');
  });

  it('by HEAD answers the headers', async () => {
    const { ask, cache } = start();
    cache.answers.set('greeting', hit('hello'));
    const answer = await ask('greeting', { method: 'HEAD' });
    expect(answer).toMatchObject({ status: 200, body: undefined, headers: { 'content-length': '5' } });
  });

  it('means the same key whether its slashes were encoded or not', async () => {
    const { ask, cache } = start();
    await ask('a%2Fb%2fc');
    await ask('a/b/c');
    expect(cache.reads.map(({ keys }) => keys)).toEqual([['a/b/c'], ['a/b/c']]);
  });

  it('has a query in its key only where that is set', async () => {
    const strict = start();
    const refused = await strict.ask('k', { query: { page: '2' } });
    expect([refused.status, problemCode(refused)]).toEqual([400, 'invalid-query']);
    expect(strict.cache.reads).toEqual([]);
    const { ask, cache } = start('key');
    await ask('k', { query: { page: '2', code: 'x' } });
    expect(cache.reads[0]?.keys).toEqual(['k?page=2']);
  });

  it.each([undefined, '', 'a\u0000b', 'k'.repeat(1025)])(
    'of a key that cannot be is refused: %j',
    async (key) => {
      const { ask, cache } = start();
      const answer = await ask(key);
      expect([answer.status, problemCode(answer)]).toEqual([400, 'invalid-key']);
      expect(cache.reads).toEqual([]);
    },
  );
});

describe('a read that finds nothing it can answer', () => {
  const failure = (options = {}): AppError =>
    new AppError('origin-failed', 'The origin answered 500.', options);
  const unavailable = new AppError('redis-unavailable', 'No connection.', { retryAfterSeconds: 3 });
  const cases: readonly (readonly [CacheAnswer, number, string, string | undefined])[] = [
    [{ kind: 'miss', origin: undefined }, 404, 'not-found', undefined],
    [{ kind: 'miss', origin: 'asked' }, 404, 'not-found', undefined],
    [{ kind: 'miss', origin: 'remembered' }, 404, 'not-found', undefined],
    [{ kind: 'miss', origin: 'bypass' }, 404, 'not-found', undefined],
    [{ kind: 'wrong-type' }, 422, 'wrong-type', undefined],
    [{ kind: 'stored-value-too-large' }, 422, 'stored-value-too-large', undefined],
    [{ kind: 'answer-too-large' }, 422, 'stored-value-too-large', undefined],
    [{ kind: 'overloaded' }, 503, 'overloaded', '1'],
    [{ kind: 'unavailable', error: unavailable }, 503, 'cache-unavailable', '3'],
    [{ kind: 'origin-failed', error: failure() }, 502, 'origin-failed', '1'],
    [{ kind: 'origin-failed', error: failure({ retryAfterSeconds: 9 }) }, 502, 'origin-failed', '9'],
    [{ kind: 'origin-failed', error: failure({ isOfOneEntry: true }) }, 502, 'origin-failed', undefined],
    [{ kind: 'origin-pending', error: unavailable }, 503, 'origin-pending', '1'],
  ];
  it.each(cases)('%j: %i %s', async (found, status, code, retryAfter) => {
    const { ask, cache, budget } = start();
    cache.answers.set('k', found);
    const answer = await ask('k');
    expect([answer.status, problemCode(answer)]).toEqual([status, code]);
    expect(answer.headers['retry-after']).toBe(retryAfter);
    expect(answer.headers['cache-status']).toMatch(/^redis-entra-functions; /u);
    expect(budget.usedBytes).toBe(0);
  });

  it('says who was asked', async () => {
    const { ask, cache } = start();
    const detailOf = async (origin: 'asked' | 'bypass' | undefined): Promise<unknown> => {
      cache.answers.set('k', { kind: 'miss', origin });
      return (JSON.parse((await ask('k')).body ?? '') as Record<string, unknown>)['detail'];
    };
    expect(await detailOf(undefined)).toBe('The cache was asked and has no such entry.');
    expect(await detailOf('asked')).toBe('The cache and the origin were asked and have no such entry.');
    expect(await detailOf('bypass')).toContain('the cache cannot be asked');
  });
});
