import { describe, expect, it } from 'vitest';
import { removeCache, writeCache } from '../../../src/functions/write-cache.ts';
import type { NotChanged } from '../../../src/cache/tier.ts';
import { AppError } from '../../../src/util/errors.ts';
import { callHandler, handlerDeps, problemCode, type Call, type Called } from '../../support/call-handler.ts';
import { ScriptedCache } from '../../support/scripted-cache.ts';

function start({ writesEnabled = true, totalBytes = 2 ** 28 } = {}) {
  const deps = handlerDeps(totalBytes);
  const cache = new ScriptedCache();
  const of = { ...deps, cache, writesEnabled };
  const write = writeCache({ ...of, defaultTtlSeconds: 300, maxValueBytes: 1000 });
  const remove = removeCache(of);
  const params = { key: 'k' };
  const put = (call: Call = {}): Promise<Called> =>
    callHandler(write, { method: 'PUT', params, body: Buffer.from('value'), ...call });
  const del = (call: Call = {}): Promise<Called> =>
    callHandler(remove, { method: 'DELETE', params, ...call });
  return { ...deps, cache, put, del };
}

const noChange = (cache: ScriptedCache): void => expect([...cache.writes, ...cache.removals]).toEqual([]);

describe('a write', () => {
  it('stores the bytes, their type and a lifetime, and answers 201 with the tag', async () => {
    const { put, cache, clock, deadlineAtMs } = start();
    const answer = await put({ headers: { 'content-type': 'text/html' }, query: { TTL: '60' } });
    const [[key, entry, condition, untilMs] = []] = cache.writes;
    expect(key).toEqual({ name: 'k', redisKey: 'p:k' });
    expect(entry).toMatchObject({
      body: Buffer.from('value'),
      contentType: 'text/html',
      freshness: { storedAtMs: clock.wallMs(), ttlSeconds: 60 },
    });
    expect(condition).toEqual({ kind: 'none', etags: [] });
    expect(untilMs).toBe(deadlineAtMs);
    expect(answer).toMatchObject({ status: 201, body: undefined, headers: { etag: `"${entry?.etag}"` } });
  });

  it('over an entry answers 204', async () => {
    const { put, cache } = start();
    cache.writeResult = { kind: 'replaced' };
    expect((await put()).status).toBe(204);
  });

  it('that names no type and no lifetime has those of the app', async () => {
    const { put, cache } = start();
    await put({ headers: { 'content-type': '' } });
    await put({ query: { code: 'x' } });
    for (const [, entry] of cache.writes) {
      expect(entry).toMatchObject({
        contentType: 'application/octet-stream',
        freshness: { ttlSeconds: 300 },
      });
    }
  });

  it('has the tags of Cache-Tag and Surrogate-Key, or none', async () => {
    const { put, cache } = start();
    await put({ headers: { 'cache-tag': 'a, b', 'surrogate-key': 'c b' } });
    await put();
    expect(cache.writes.map(([, { tags }]) => tags)).toEqual([['a', 'b', 'c'], undefined]);
  });

  it('passes its condition on', async () => {
    const { put, cache } = start();
    await put({ headers: { 'if-match': '"a"' } });
    expect(cache.writes[0]?.[2]).toEqual({ kind: 'match', etags: ['a'] });
  });

  it.each(['0', '-1', '1.5', 'abc', '', '31536001', '1e3', '1234567890'])('has no ttl of %j', async (ttl) => {
    const { put, cache } = start();
    const answer = await put({ query: { ttl } });
    expect([answer.status, problemCode(answer)]).toEqual([400, 'invalid-ttl']);
    noChange(cache);
  });

  const refusals: readonly (readonly [Call, number, string])[] = [
    [{ params: {} }, 400, 'invalid-key'],
    [{ query: { page: '1' } }, 400, 'invalid-query'],
    [{ headers: { 'if-match': 'unquoted' } }, 400, 'invalid-header'],
    [{ headers: { 'content-type': `text/${'x'.repeat(255)}` } }, 400, 'invalid-header'],
    [{ headers: { 'content-range': 'bytes 0-1/5' } }, 400, 'invalid-header'],
    [{ headers: { 'cache-tag': 'a b' } }, 400, 'invalid-header'],
    [{ headers: { 'surrogate-key': 'x'.repeat(129) } }, 400, 'invalid-header'],
    [{ headers: { 'content-encoding': 'gzip' } }, 415, 'unsupported-encoding'],
    [{ headers: { 'content-encoding': 'identity, br' } }, 415, 'unsupported-encoding'],
    [{ body: 'x'.repeat(1001) }, 413, 'value-too-large'],
  ];
  it.each(refusals)('is refused before anything is stored: %j', async (call, status, code) => {
    const { put, cache } = start();
    const answer = await put(call);
    expect([answer.status, problemCode(answer)]).toEqual([status, code]);
    noChange(cache);
  });

  it('of bytes that are not coded may say so', async () => {
    const { put } = start();
    expect((await put({ headers: { 'content-encoding': 'Identity' } })).status).toBe(201);
  });

  it('for which there is no memory is refused before its body is read', async () => {
    const { put, cache } = start({ totalBytes: 1000 });
    const answer = await put({ headers: { 'content-length': '900' } });
    expect([answer.status, problemCode(answer), answer.headers['retry-after']]).toEqual([
      503,
      'overloaded',
      '1',
    ]);
    noChange(cache);
  });
});

describe('a removal', () => {
  it('answers 204, also where there was nothing', async () => {
    const { del, cache, deadlineAtMs } = start();
    expect(await del({ headers: { 'if-match': '*' } })).toMatchObject({ status: 204, body: undefined });
    expect(cache.removals).toEqual([
      [{ name: 'k', redisKey: 'p:k' }, { kind: 'match', etags: ['*'] }, deadlineAtMs],
    ]);
    cache.removeResult = { kind: 'absent' };
    expect((await del()).status).toBe(204);
  });

  it('knows no query', async () => {
    const answer = await start().del({ query: { all: '1' } });
    expect([answer.status, problemCode(answer)]).toEqual([400, 'invalid-query']);
  });
});

describe('of a read-only cache', () => {
  it.each(['put', 'del'] as const)('%s is 405 and says what is allowed', async (method) => {
    const probe = start({ writesEnabled: false });
    const answer = await probe[method]();
    expect([answer.status, problemCode(answer)]).toEqual([405, 'writes-disabled']);
    expect(answer.headers['allow']).toBe('GET, HEAD');
    noChange(probe.cache);
  });
});

describe.each(['put', 'del'] as const)('%s that changes nothing', (method) => {
  const error = new AppError('connection-lost', 'The connection was lost.', { retryAfterSeconds: 2 });
  const cases: readonly (readonly [NotChanged, number, string, string | undefined])[] = [
    [{ kind: 'precondition-failed' }, 412, 'precondition-failed', undefined],
    [{ kind: 'wrong-type' }, 422, 'wrong-type', undefined],
    [{ kind: 'unavailable', error, applied: 'no' }, 503, 'cache-unavailable', '2'],
    [{ kind: 'unavailable', error, applied: 'unknown' }, 503, 'write-outcome-unknown', '1'],
  ];
  it.each(cases)('%j: %i %s', async (result, status, code, retryAfter) => {
    const probe = start();
    probe.cache.writeResult = result;
    probe.cache.removeResult = result;
    const answer = await probe[method]();
    expect([answer.status, problemCode(answer)]).toEqual([status, code]);
    expect(answer.headers['retry-after']).toBe(retryAfter);
    expect(probe.budget.usedBytes).toBe(0);
  });
});
