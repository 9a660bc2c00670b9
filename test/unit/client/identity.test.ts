import { describe, expect, it } from 'vitest';
import type { TokenCredentialLike } from '../../../src/client/identity.ts';
import { createCacheClient, type CacheClientOptions } from '../../../src/exports/client.ts';
import { clientSubject as subject, type ClientSubject } from '../../support/client-subject.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { entryAnswer, problemAnswer, type ScriptedAnswer } from '../../support/scripted-fetch.ts';

const startMs = new FakeClock().wallMs();
const scope = 'api://app/.default';

/** Gives these tokens, the last of them again and again; each lives for an hour. */
function credentialOf(...tokens: readonly (string | Error)[]): TokenCredentialLike & { asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    getToken: async (scopes) => {
      const token = tokens[Math.min(asked.length, tokens.length - 1)] ?? '';
      asked.push(scopes);
      if (token === 'silence') return new Promise(() => {});
      if (token instanceof Error) throw token;
      return { token, expiresOnTimestamp: startMs + asked.length * 3_600_000 };
    },
  };
}

const withCredential = (
  credential: TokenCredentialLike,
  ...answers: readonly ScriptedAnswer[]
): ClientSubject => subject(answers, { credential, scope });
const sent = ({ asked }: ClientSubject): (string | null)[] =>
  asked.map(({ headers }) => headers.get('authorization'));

describe('a token', () => {
  it('is asked for once, also by calls at once, and kept', async () => {
    const credential = credentialOf('one');
    const own = withCredential(credential, entryAnswer('x'));
    await Promise.all([own.client.get('a'), own.client.get('b'), own.client.batch([])]);
    await own.client.get('c');
    expect(sent(own)).toEqual(['Bearer one', 'Bearer one', 'Bearer one']);
    expect(credential.asked).toEqual([scope]);
  });

  it('is renewed beside a request near its end, and waited for at its end', async () => {
    const credential = credentialOf('one', new Error('no identity'), 'two', 'three');
    const own = withCredential(credential, entryAnswer('x'));
    await own.client.get('a');
    await own.clock.advance(3_600_000 - 100_000);
    for (const _ of [1, 2]) await own.client.get('a');
    expect(credential.asked).toHaveLength(2);
    await own.clock.advance(10_000);
    await own.client.get('a');
    await own.client.get('a');
    await own.clock.advance(3 * 3_600_000);
    await own.client.get('a');
    expect(sent(own)).toEqual([
      ...Array.from({ length: 4 }, () => 'Bearer one'),
      'Bearer two',
      'Bearer three',
    ]);
  });

  it('that was refused is replaced once, also for a write; then that is said', async () => {
    const no = (): Response => problemAnswer(401, 'unauthenticated');
    const renewed = withCredential(credentialOf('one', 'two'), no(), new Response(null, { status: 201 }));
    expect(await renewed.client.put('a', 'x')).toMatchObject({ kind: 'created' });
    expect(sent(renewed)).toEqual(['Bearer one', 'Bearer two']);
    const refused = withCredential(credentialOf('one', 'two'), no());
    await expect(refused.client.get('a')).rejects.toMatchObject({ code: 'unauthenticated', status: 401 });
    expect(sent(refused)).toEqual(['Bearer one', 'Bearer two']);
    const repeated = withCredential(credentialOf('one'), no());
    await expect(repeated.client.get('a')).rejects.toMatchObject({ code: 'unauthenticated' });
    expect(sent(repeated)).toEqual(['Bearer one']);
  });

  it('that is not to be had makes a call unavailable, and nothing is sent', async () => {
    const error = new Error('no identity here');
    const own = withCredential(credentialOf(error), entryAnswer('x'));
    expect(await own.client.get('a')).toMatchObject({ code: 'token-unavailable', cause: error });
    expect(await own.client.put('a', 'x')).toMatchObject({ code: 'token-unavailable', applied: 'no' });
    const none = withCredential({ getToken: async () => null }, entryAnswer('x'));
    expect(await none.client.get('a')).toMatchObject({ code: 'token-unavailable' });
    expect([...own.asked, ...none.asked]).toEqual([]);
  });

  it('that never comes holds up neither a call nor the next one', async () => {
    const own = withCredential(credentialOf('silence', 'two'), entryAnswer('x'));
    const reading = own.client.put('a', 'x', { timeoutMs: 10_000 });
    await own.clock.advance(10_000);
    expect(await reading).toMatchObject({ code: 'deadline-exceeded', applied: 'no' });
    expect(await own.client.get('a')).toMatchObject({ kind: 'hit' });
  });

  it('is in no error', async () => {
    const own = withCredential(credentialOf('secret\u0100'), entryAnswer('x'));
    const error = await own.client.get('a').catch((thrown: unknown) => thrown as Error);
    expect(error).toMatchObject({ code: 'invalid-header' });
    expect((error as Error).cause).toBeUndefined();
    expect((error as Error).stack).not.toContain('secret');
  });
});

it('a function key is a field, and may change', async () => {
  let count = 0;
  const functionKey = async (): Promise<string> => `key-${(count += 1)}`;
  const own = subject([entryAnswer('x')], { functionKey });
  await own.client.get('a');
  await own.client.get('a');
  expect(own.asked.map(({ headers }) => headers.get('x-functions-key'))).toEqual(['key-1', 'key-2']);
});

it('the routes are where the app has them', async () => {
  const routes = { route: 'shop/cache', batchRoute: 'b', purgeRoute: 'p', fleetRoute: 'f' };
  const own = subject([new Response('', { status: 503 })], {
    ...routes,
    url: 'https://app.example/x/',
    retries: 0,
  });
  await own.client.get('k');
  await own.client.batch(['k']);
  await own.client.purge({ keys: ['k'] });
  await own.client.fleet();
  expect(own.asked.map(({ url }) => url)).toEqual(
    ['shop/cache/k', 'b', 'p', 'f'].map((path) => `https://app.example/x/${path}`),
  );
});

describe('the options', () => {
  const url = 'https://app.example/api';
  const credential = credentialOf('one');

  it.each<readonly [string, object]>([
    ['url', {}],
    ['url', { url: '/api' }],
    ['url', { url: 'http://app.example/api' }],
    ['url', { url: 'ftp://app.example' }],
    ['url', { url: 'https://app.example/api?code=x' }],
    ['url', { url: 'https://me:pw@app.example/api' }],
    ['credential', { url, credential: {}, scope }],
    ['scope', { url, credential }],
    ['credential and scope', { url, scope }],
    ['not both', { url, credential, scope, functionKey: 'k' }],
    ['functionKey', { url, functionKey: '' }],
    ['timeoutMs', { url, timeoutMs: 0 }],
    ['retries', { url, retries: 11 }],
    ['route', { url, route: '/cache' }],
    ['password is no option', { url, password: 'x' }],
  ])('%s is named where it is wrong', (named, options) => {
    expect(() => createCacheClient(options as CacheClientOptions)).toThrow(named);
    expect(() => createCacheClient(options as CacheClientOptions)).toThrow(
      expect.objectContaining({ code: 'options-invalid' }) as Error,
    );
  });

  it.each([new URL(url), 'http://localhost:7071/api', 'http://127.0.0.1', 'http://[::1]:1/'])(
    '%s is a url',
    (given) => {
      createCacheClient({ url: given });
    },
  );
});
