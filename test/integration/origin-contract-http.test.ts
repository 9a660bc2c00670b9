// The HTTP origin against a real server: the contract of all origins, and what is its own.

import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeServerCertificates } from '../../local/certificates.ts';
import { systemClock } from '../../src/util/clock.ts';
import { createHttpOrigin } from '../../src/origin/http/http-origin.ts';
import type { Origin } from '../../src/origin/origin.ts';
import { describeOrigin, failureOf, load } from '../contract/origin.ts';
import { startOriginServer, type OriginServer } from '../support/origin-server.ts';

const targetOf = (key: string): string =>
  `/entries/${encodeURIComponent(key).replaceAll(/[!'()*]/gu, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)}?v=1`;

function originOver(server: OriginServer, timeLimitMs = 10_000): Origin {
  return createHttpOrigin({
    urlTemplate: `${server.url}/entries/{key}?v=1`,
    clock: systemClock,
    timeLimitMs,
  });
}

describeOrigin('HTTP', async () => {
  const server = await startOriginServer();
  return {
    origin: originOver(server),
    async put(key, body, { contentType, contentEncoding, cacheControl, tags } = {}) {
      const headers = {
        ...(contentType === undefined ? {} : { 'Content-Type': contentType }),
        ...(contentEncoding === undefined ? {} : { 'Content-Encoding': contentEncoding }),
        ...(cacheControl === undefined ? {} : { 'Cache-Control': cacheControl }),
        ...(tags === undefined ? {} : { 'Cache-Tag': tags }),
      };
      server.put(targetOf(key), { body, headers });
    },
    remove: async (key) => server.remove(targetOf(key)),
    server,
    targetOf,
    troubled: (timeLimitMs) => originOver(server, timeLimitMs),
    [Symbol.asyncDispose]: () => server.stop(),
  };
});

describe('the HTTP origin by itself', () => {
  let server: OriginServer;
  let origin: Origin;
  beforeAll(async () => {
    server = await startOriginServer();
    origin = originOver(server);
  });
  afterAll(async () => server?.stop());

  const put = (key: string, headers: Record<string, string | undefined>, body = 'value'): void =>
    server.put(targetOf(key), { body, headers });

  it('asks one place whatever the key: what arrives at the server is inside the template', async () => {
    const pieces = String.raw`. .. / \ @ ? # % %2f %2e : //evil.example ü a`.split(' ');
    const hostile = fc.constantFrom(...pieces, '\r\n', '\0', ' ');
    const keys = fc.array(hostile, { minLength: 1, maxLength: 8 }).map((parts) => parts.join(''));
    server.requests.length = 0;
    const asked = new Set<string>();
    await fc.assert(
      fc.asyncProperty(keys, async (key) => {
        expect(await load(origin, key)).toMatchObject({ kind: 'none' });
        asked.add(key);
      }),
      { numRuns: 300 },
    );
    const { host } = new URL(server.url);
    expect(server.requests.length).toBeGreaterThan(100);
    for (const { method, target, headers } of server.requests) {
      const [, middle] = /^\/entries\/([\w.~%-]+)\?v=1$/u.exec(target) ?? [];
      expect(asked).toContain(decodeURIComponent(middle ?? ''));
      expect(method).toBe('GET');
      expect(headers.host).toBe(host);
    }
  });

  it('asks for any coding that it can read, and says who asks', async () => {
    put('headers', {});
    await load(origin, 'headers');
    expect(server.requests.at(-1)?.headers).toEqual({
      accept: '*/*',
      'accept-encoding': 'gzip, deflate, br, zstd',
      connection: 'keep-alive',
      host: new URL(server.url).host,
      'user-agent': 'redis-entra-functions',
    });
  });

  it('takes gone for none, and says how long either may be kept', async () => {
    for (const status of [404, 410]) {
      const behaviour = { status, headers: { 'Cache-Control': 'max-age=7' } };
      server.put(targetOf('gone'), { body: '', behaviour });
      const fields = { 'cache-control': 'max-age=7' };
      expect(await load(origin, 'gone')).toMatchObject({ kind: 'none', status, fields });
    }
  });

  it('reads what comes in chunks to the last of them', async () => {
    server.put(targetOf('chunked'), { body: 'in chunks', behaviour: 'chunked' });
    const read = { kind: 'answered', body: Buffer.from('in chunks'), restrictions: [] };
    expect(await load(origin, 'chunked')).toMatchObject(read);
  });

  it('lets nobody store what ends with its connection, for it may have been cut', async () => {
    server.put(targetOf('no-length'), { body: 'to the end', behaviour: 'no-length' });
    const restrictions = [
      { kind: 'forbidden', reason: expect.stringContaining('its end was not announced') as string },
    ];
    const read = { kind: 'answered', body: Buffer.from('to the end'), restrictions };
    expect(await load(origin, 'no-length')).toMatchObject(read);
  });

  it.each([201, 203, 204, 205, 299, 300, 305, 400, 401, 403, 405, 409, 414, 418, 429, 451, 499])(
    'hands on what it has to say with %i',
    async (status) => {
      const body = [204, 205].includes(status) ? '' : 'a word';
      const headers = { 'Retry-After': '7', 'Content-Type': 'text/x-word' };
      server.put(targetOf(`${status}`), { body: '', behaviour: { status, headers, body } });
      expect(await load(origin, `${status}`)).toMatchObject({
        kind: 'answered',
        status,
        body: Buffer.from(body),
        fields: { 'content-type': 'text/x-word', 'retry-after': '7' },
      });
    },
  );

  it.each([500, 501, 503, 599])('takes %i for an answer where it says how long it holds', async (status) => {
    const behaviour = { status, headers: { 'Cache-Control': 'max-age=60' }, body: 'down' };
    server.put(targetOf('down'), { body: '', behaviour });
    expect(await load(origin, 'down')).toMatchObject({ kind: 'answered', status, body: Buffer.from('down') });
    server.put(targetOf('down'), {
      body: '',
      behaviour: { ...behaviour, headers: { 'Cache-Control': 'public' } },
    });
    await failureOf(load(origin, 'down'));
  });

  it('keeps the fields that it is told to keep, and no others', async () => {
    const keeping = createHttpOrigin({
      urlTemplate: `${server.url}/entries/{key}?v=1`,
      keepHeaders: ['link', 'x-kept'],
      clock: systemClock,
      timeLimitMs: 10_000,
    });
    put('kept', { Link: '</a>; rel=next', 'X-Kept': 'yes', 'X-Left': 'no', 'Set-Cookie': 'a=b' });
    const answer = await load(keeping, 'kept');
    const { fields } = answer.kind === 'answered' ? answer : expect.unreachable();
    expect(fields).toMatchObject({ link: '</a>; rel=next', 'x-kept': 'yes' });
    expect(Object.keys(fields)).not.toContain('x-left');
    expect(Object.keys(fields)).not.toContain('set-cookie');
  });

  it('reads no more than the limit of what has no end', async () => {
    server.put(targetOf('endless'), { body: Buffer.alloc(65_536), behaviour: 'endless' });
    expect(await load(origin, 'endless')).toEqual({ kind: 'too-large', bytes: undefined });
  });

  it('asks with a weak tag, too', async () => {
    put('weak', { ETag: 'W/"1"' });
    const validators = { etag: 'W/"1"' };
    expect(await load(origin, 'weak', { validators })).toMatchObject({ kind: 'unchanged' });
  });

  it('asks by date where there is no tag, and by both where there are both', async () => {
    const lastModified = 'Thu, 01 Jan 2026 00:00:00 GMT';
    put('dated', { ETag: undefined, 'Last-Modified': lastModified });
    expect(await load(origin, 'dated', { validators: { lastModified } })).toMatchObject({
      kind: 'unchanged',
    });
    await load(origin, 'dated', { validators: { etag: '"1"', lastModified } });
    const asked = { 'if-none-match': '"1"', 'if-modified-since': lastModified };
    expect(server.requests.at(-1)?.headers).toMatchObject(asked);
  });

  it('follows redirects on its host, three at most', async () => {
    const redirect = (from: string, to: string): void =>
      server.put(from, { body: '', behaviour: { status: 302, headers: { Location: to } } });
    server.put('/moved/here', { body: 'moved' });
    redirect('/2', '/moved/here');
    redirect('/1', `${server.url}/2`);
    redirect(targetOf('near'), '../1');
    expect(await load(origin, 'near')).toMatchObject({
      kind: 'answered',
      body: Buffer.from('moved'),
      // None of the three says how long it holds, and a 302 is nothing to be kept without that.
      restrictions: [{ kind: 'forbidden' }, { kind: 'forbidden' }, { kind: 'forbidden' }],
    });
    server.put('/moved/here', { body: 'moved', headers: { 'Cache-Tag': 'a', 'Surrogate-Key': 'b a' } });
    const tagged = { status: 302, headers: { Location: '/moved/here', 'Cache-Tag': 'moved' } };
    server.put(targetOf('tagged'), { body: '', behaviour: tagged });
    expect(await load(origin, 'tagged')).toMatchObject({ tags: ['moved', 'a', 'b'] });
    redirect('/0', '/1');
    redirect(targetOf('far'), '/0');
    expect((await failureOf(load(origin, 'far'))).message).toContain('redirects more than 3 times');
    redirect('/loop', '/loop');
    redirect(targetOf('loop'), '/loop');
    await failureOf(load(origin, 'loop'));
    server.put(targetOf('nowhere'), { body: '', behaviour: { status: 302, body: 'nowhere' } });
    expect(await load(origin, 'nowhere')).toMatchObject({ kind: 'answered', status: 302 });
    redirect(targetOf('user'), server.url.replace('//', '//user@'));
    await failureOf(load(origin, 'user'));
    redirect(targetOf('file'), 'file:///etc/passwd');
    await failureOf(load(origin, 'file'));
  });

  it('has no more connections than it may', async () => {
    const few = createHttpOrigin({
      urlTemplate: `${server.url}/{key}`,
      clock: systemClock,
      timeLimitMs: 10_000,
      maxSockets: 3,
    });
    server.delayMs = 20;
    server.mostAtOnce = 0;
    await Promise.all(Array.from({ length: 30 }, async (_, index) => load(few, `few-${index}`)));
    server.delayMs = 0;
    expect(server.mostAtOnce).toBe(3);
  });

  it('trusts no certificate that nobody vouches for', async () => {
    await using secure = await startOriginServer((await makeServerCertificates()).server);
    secure.put(targetOf('secret'), { body: 'value' });
    await failureOf(load(originOver(secure), 'secret'));
    expect(secure.requests).toEqual([]);
  });
});
