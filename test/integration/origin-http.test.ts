// The HTTP origin against a real server: the contract of all origins, and what is its own.

import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeServerCertificates } from '../../local/certificates.ts';
import { systemClock } from '../../src/clock.ts';
import { createHttpOrigin } from '../../src/origin/http.ts';
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
    async put(key, body, { contentType, cacheControl } = {}) {
      const headers = {
        ...(contentType === undefined ? {} : { 'Content-Type': contentType }),
        ...(cacheControl === undefined ? {} : { 'Cache-Control': cacheControl }),
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
        expect(await load(origin, key)).toEqual({ kind: 'none' });
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

  it('asks for the bytes as they are, and says who asks', async () => {
    put('headers', {});
    await load(origin, 'headers');
    expect(server.requests.at(-1)?.headers).toEqual({
      accept: '*/*',
      'accept-encoding': 'identity',
      connection: 'keep-alive',
      host: new URL(server.url).host,
      'user-agent': 'redis-entra-functions',
    });
  });

  it('takes gone for none', async () => {
    server.put(targetOf('gone'), { body: '', behaviour: { status: 410 } });
    expect(await load(origin, 'gone')).toEqual({ kind: 'none' });
  });

  it('serves what comes in chunks, and lets nobody store it', async () => {
    server.put(targetOf('chunked'), { body: 'in chunks', behaviour: 'chunked' });
    expect(await load(origin, 'chunked')).toMatchObject({
      kind: 'found',
      body: Buffer.from('in chunks'),
      storage: { kind: 'forbidden', reason: 'its length was not announced' },
    });
  });

  it('reads no more than the limit of what has no end', async () => {
    server.put(targetOf('endless'), { body: Buffer.alloc(65_536), behaviour: 'endless' });
    expect(await load(origin, 'endless')).toEqual({ kind: 'too-large', bytes: undefined });
  });

  it('fails where the bytes are encoded, which an entry cannot say', async () => {
    put('encoded', { 'Content-Encoding': 'gzip' });
    await failureOf(load(origin, 'encoded'));
    put('encoded', { 'Content-Encoding': 'identity' });
    expect(await load(origin, 'encoded')).toMatchObject({ kind: 'found' });
  });

  it('keeps no weak tag as its own, but asks with it', async () => {
    put('weak', { ETag: 'W/"1"' });
    expect(await load(origin, 'weak')).toMatchObject({ etag: undefined, validator: 'W/"1"' });
    expect(await load(origin, 'weak', { validator: 'W/"1"' })).toMatchObject({ kind: 'unchanged' });
  });

  it('asks by date where there is no tag', async () => {
    const date = 'Thu, 01 Jan 2026 00:00:00 GMT';
    put('dated', { ETag: undefined, 'Last-Modified': date });
    expect(await load(origin, 'dated')).toMatchObject({ etag: undefined, validator: date });
    expect(await load(origin, 'dated', { validator: date })).toMatchObject({ kind: 'unchanged' });
    put('dated', { ETag: undefined });
    expect(await load(origin, 'dated')).toMatchObject({ etag: undefined, validator: undefined });
  });

  it('takes off a lifetime what it has spent in caches on the way', async () => {
    put('aged', { 'Cache-Control': 'max-age=100', Age: '40' });
    expect(await load(origin, 'aged')).toMatchObject({ storage: { maxAgeSeconds: 60 } });
    put('aged', { 'Cache-Control': 'max-age=100', Date: new Date(Date.now() - 60_000).toUTCString() });
    const aged = await load(origin, 'aged');
    const { storage } = aged.kind === 'found' ? aged : expect.unreachable();
    expect(storage).toMatchObject({ kind: 'allowed', maxAgeSeconds: expect.closeTo(40, -1) });
    put('aged', { 'Cache-Control': 'max-age=100', Age: '100' });
    expect(await load(origin, 'aged')).toMatchObject({ storage: { kind: 'forbidden' } });
  });

  it('follows redirects on its host, three at most', async () => {
    const redirect = (from: string, to: string): void =>
      server.put(from, { body: '', behaviour: { status: 302, headers: { Location: to } } });
    server.put('/moved/here', { body: 'moved' });
    redirect('/2', '/moved/here');
    redirect('/1', `${server.url}/2`);
    redirect(targetOf('near'), '../1');
    expect(await load(origin, 'near')).toMatchObject({ kind: 'found', body: Buffer.from('moved') });
    redirect('/0', '/1');
    redirect(targetOf('far'), '/0');
    expect((await failureOf(load(origin, 'far'))).message).toContain('redirects more than 3 times');
    redirect('/loop', '/loop');
    redirect(targetOf('loop'), '/loop');
    await failureOf(load(origin, 'loop'));
    server.put(targetOf('nowhere'), { body: '', behaviour: { status: 302 } });
    await failureOf(load(origin, 'nowhere'));
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
