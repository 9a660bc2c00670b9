import { describe, expect, it } from 'vitest';
import { readBatch } from '../../../src/functions/read-batch.ts';
import { callHandler, handlerDeps, problemCode, type Called } from '../../support/call-handler.ts';
import { hit, ScriptedCache } from '../../support/scripted-cache.ts';

function start() {
  const deps = handlerDeps();
  const cache = new ScriptedCache();
  const handler = readBatch({ ...deps, cache });
  const post = (body: string | Uint8Array, headers: Record<string, string> = {}): Promise<Called> =>
    callHandler(handler, { method: 'POST', body, headers });
  return { ...deps, cache, post };
}

const keys = (...names: unknown[]): string => JSON.stringify({ keys: names });

describe('a batch', () => {
  it('answers each key in the order asked, and asks for equal ones once', async () => {
    const { post, cache, deadlineAtMs } = start();
    cache.answers.set('b', hit('hello'));
    const answer = await post(keys('b', 'a', 'b'));
    expect(answer.status).toBe(200);
    expect(answer.headers).toEqual({ 'content-type': 'application/json', 'cache-control': 'no-store' });
    const found = { key: 'b', status: 'hit', value: 'hello', encoding: 'utf8' };
    expect(JSON.parse(answer.body ?? '')).toMatchObject({
      results: [found, { key: 'a', status: 'miss' }, found],
    });
    expect(cache.reads).toEqual([{ keys: ['b', 'a'], deadlineAtMs }]);
  });

  it('names the key that is not valid', async () => {
    const { post, cache } = start();
    const answer = await post(keys('good', 'bad\n'));
    expect([answer.status, problemCode(answer)]).toEqual([400, 'invalid-key']);
    expect(JSON.parse(answer.body ?? '')).toMatchObject({
      detail: expect.stringMatching(/^keys\[1\]: The key/u) as string,
    });
    expect(cache.reads).toEqual([]);
  });

  it.each([
    ['no JSON', '{"keys":', 'the body is not JSON'],
    ['no object', '"keys"', 'Expected {"keys": [...]} with 1 to 100 strings.'],
    ['null', 'null', 'strings.'],
    ['no keys', '{}', 'strings.'],
    ['keys that are no list', '{"keys":"a"}', 'strings.'],
    ['a key that is no string', keys('a', 1), 'strings.'],
    ['no key at all', keys(), 'got 0'],
    ['101 keys', keys(...Array.from({ length: 101 }, () => 'k')), 'got 101'],
  ])('refuses %s', async (_what, body, detail) => {
    const answer = await start().post(body);
    expect([answer.status, problemCode(answer)]).toEqual([400, 'invalid-body']);
    expect((JSON.parse(answer.body ?? '') as Record<string, unknown>)['detail']).toContain(detail);
  });

  const headers: readonly (readonly [Record<string, string>, number])[] = [
    [{}, 200],
    [{ 'content-type': 'application/json' }, 200],
    [{ 'content-type': 'application/json; charset="UTF-8"' }, 200],
    [{ 'content-type': 'application/json; charset=us-ascii' }, 200],
    [{ 'content-type': 'application/json; charset=iso-8859-1' }, 400],
    [{ 'content-encoding': 'identity' }, 200],
    [{ 'content-encoding': '' }, 200],
    [{ 'content-encoding': 'gzip' }, 400],
  ];
  it.each(headers)('of UTF-8 that says %j: %i', async (said, status) => {
    expect((await start().post(keys('café'), said)).status).toBe(status);
  });

  it('refuses bytes that are not UTF-8, of which different keys would become one', async () => {
    const answer = await start().post(Buffer.from('{"keys":["caf\xe9"]}', 'latin1'));
    expect([answer.status, problemCode(answer)]).toEqual([400, 'invalid-body']);
  });

  it('refuses a body of more than 1 MiB', async () => {
    const answer = await start().post(keys('a').padEnd(2 ** 20 + 1));
    expect([answer.status, problemCode(answer)]).toEqual([413, 'body-too-large']);
  });
});
