// Callers with tokens, as they meet the packaged app: who is let in, who is not, and what that costs the authority.

import { createHmac, createPublicKey, type JsonWebKey } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cacheIdUri, type CallerTokenOptions } from '../../local/cache-registration.ts';
import { startHost } from '../../local/functions-host/host.ts';
import { issuerUrl, localTenantId } from '../../local/token-issuer.ts';
import { eventually, sleep } from '../support/eventually.ts';
import { packagedApp, startLocalApp, untilReady, type LocalApp } from '../support/local-app.ts';
import { contractOf, heldTo, type OpenApiContract } from '../support/openapi-contract.ts';
import { exchange } from '../support/raw-http.ts';
import { leakedPart } from '../support/scenario.ts';

let app: LocalApp;
/** What answers are held to, whatever a test expects of them. */
let contract: OpenApiContract;
let startedAtMs: number;
beforeAll(async () => {
  app = await startLocalApp({
    settings: ({ callerSettings }) => ({ ...callerSettings, CACHE_QUERY: 'key' }),
  });
  startedAtMs = Date.now();
  const fetchPath = async (path: string, init?: RequestInit): Promise<Response> =>
    fetch(app.host.url + path, init);
  contract = await contractOf(fetchPath, { Authorization: `Bearer ${await token({ roles: [] })}` });
  app = { ...app, fetch: heldTo(contract, fetchPath) };
  await app.stack.redis.admin('SET', 'key', 'value');
});
afterAll(async () => app?.stop());

/** Whatever was sent, right or wrong: no part of it may be in a log. */
const sent: string[] = [];

async function token(options: CallerTokenOptions = {}): Promise<string> {
  return app.stack.callers.token({ roles: ['Cache.Read'], ...options });
}

interface Answered {
  readonly status: number;
  readonly code: string | undefined;
  readonly challenge: string | null;
}

async function ask(
  bearer: string | undefined,
  init: RequestInit = {},
  path = '/api/cache/key',
): Promise<Answered> {
  if (bearer !== undefined && !sent.includes(bearer)) sent.push(bearer);
  const headers = new Headers(init.headers);
  if (bearer !== undefined) headers.set('Authorization', `Bearer ${bearer}`);
  const response = await app.fetch(path, { ...init, headers });
  const body = await response.text();
  const isProblem = response.headers.get('content-type') === 'application/problem+json' && body !== '';
  const { code } = isProblem ? (JSON.parse(body) as { code: string }) : { code: undefined };
  return { status: response.status, code, challenge: response.headers.get('www-authenticate') };
}

const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const refused = (error: string): object => ({
  status: 401,
  code: 'unauthenticated',
  challenge: expect.stringContaining(`error="${error}"`) as string,
});

describe('a right token', () => {
  it.each<[string, CallerTokenOptions]>([
    ['of an application, version 2', {}],
    ['of an application, version 1', { version: 1 }],
    ['of a user, version 2', { kind: 'user' }],
    ['of a user, version 1', { kind: 'user', version: 1 }],
    ['with more roles', { roles: ['Fleet.Read', 'Cache.Write', 'Cache.Read'] }],
    ['that expired half a minute ago', { issuedAtMs: Date.now() - 630_000, lifetimeMs: 600_000 }],
  ])('%s lets in', async (_name, options) => {
    expect(await ask(await token(options))).toEqual({ status: 200, code: undefined, challenge: null });
  });

  it('lets in by its role, each route by its own, and the probes without any', async () => {
    const routes = {
      'Cache.Read': [
        {},
        { method: 'HEAD' },
        { method: 'POST', body: '{"keys":["key"]}', path: '/api/batch' },
      ],
      'Cache.Write': [
        { method: 'PUT', body: 'x', path: '/api/cache/w' },
        { method: 'DELETE', path: '/api/cache/w' },
      ],
      'Cache.Purge': [{ method: 'POST', body: '{"keys":["w"]}', path: '/api/purge' }],
      'Fleet.Read': [{ path: '/api/fleet' }, { path: '/api/fleet', headers: { Accept: 'text/html' } }],
    };
    for (const role of Object.keys(routes)) {
      const text = await token({ roles: [role] });
      for (const [needed, calls] of Object.entries<readonly (RequestInit & { path?: string })[]>(routes)) {
        for (const { path, ...init } of calls) {
          const answer = await ask(text, init, path);
          if (role === needed) expect(answer.status).toBeLessThan(300);
          else {
            expect(answer).toMatchObject({
              status: 403,
              challenge: expect.stringContaining(`error="insufficient_scope"`) as string,
            });
            expect(answer.challenge).toContain(`scope="${needed}"`);
            expect(answer.code).toBe(init.method === 'HEAD' ? undefined : 'forbidden');
          }
        }
      }
    }
    expect(await ask(undefined, {}, '/api/health/live')).toMatchObject({ status: 200 });
    expect(await ask(await token({ roles: [] }))).toMatchObject({ status: 403, code: 'forbidden' });
  });
});

describe('no token, or a wrong one', () => {
  it('is told where to get one', async () => {
    const { status, code, challenge } = await ask(undefined);
    expect([status, code]).toEqual([401, 'unauthenticated']);
    expect(challenge).toBe(
      `Bearer realm="cache", authorization_uri="${app.stack.authority.url}/${localTenantId}/oauth2/v2.0/authorize", scope="${cacheIdUri}/.default"`,
    );
    for (const [method, path] of [
      ['PUT', '/api/cache/key'],
      ['DELETE', '/api/cache/key'],
      ['POST', '/api/batch'],
      ['POST', '/api/purge'],
      ['GET', '/api/fleet'],
      ['GET', '/api/cache/none'],
    ] as const) {
      const body = method === 'GET' || method === 'DELETE' ? {} : { body: 'no body for any of these' };
      expect(await ask(undefined, { method, ...body }, path)).toMatchObject({ status: 401 });
    }
    const basic = { headers: { Authorization: 'Basic dXNlcjpwYXNz' } };
    expect(await ask(undefined, basic)).toMatchObject({ status: 401 });
    const principal = Buffer.from('{"auth_typ":"aad","claims":[]}').toString('base64');
    const signedIn = { headers: { 'X-MS-CLIENT-PRINCIPAL': principal } };
    expect(await ask(undefined, signedIn, '/api/fleet')).toMatchObject({ status: 401 });
  });

  it.each<[string, CallerTokenOptions]>([
    ['expired', { issuedAtMs: Date.now() - 700_000, lifetimeMs: 600_000 }],
    ['not yet valid', { issuedAtMs: Date.now() + 700_000 }],
    ['of another tenant', { claims: { tid: localTenantId.replace('10ca', '10cb') } }],
    ["of another tenant's issuer", { claims: { iss: issuerUrl.replace('10ca', '10cb') } }],
    ['for another audience', { claims: { aud: 'https://redis.azure.com' } }],
    ['without an audience', { claims: { aud: undefined } }],
    ['without an end', { claims: { exp: undefined } }],
    ['without an object id', { claims: { oid: undefined } }],
    ['of a key that is not published', { header: { kid: 'unknown' } }],
    ['without a key id', { header: { kid: undefined } }],
  ])('%s is refused', async (_name, options) => {
    expect(await ask(await token(options))).toEqual(refused('invalid_token'));
  });

  it('is refused whatever it says of its signature', async () => {
    const right = await token();
    const [header = '', payload = '', signature = ''] = right.split('.');
    const { kid } = JSON.parse(Buffer.from(header, 'base64url').toString()) as { readonly kid: string };
    const published = app.stack.issuer.keys.keys[0] as JsonWebKey;
    const pem = createPublicKey({ key: published, format: 'jwk' }).export({ type: 'spki', format: 'pem' });
    const hmacOf = (secret: string | Buffer): string => {
      const signed = `${part({ alg: 'HS256', typ: 'JWT', kid })}.${payload}`;
      return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
    };
    const admin = {
      ...(JSON.parse(Buffer.from(payload, 'base64url').toString()) as object),
      roles: ['Cache.Write'],
    };
    for (const text of [
      `${part({ alg: 'none', typ: 'JWT' })}.${payload}.`,
      `${part({ alg: 'none', typ: 'JWT', kid })}.${payload}.${signature}`,
      hmacOf(pem),
      hmacOf(String(published.n)),
      hmacOf(''),
      `${header}.${part(admin)}.${signature}`,
      `${header}.${payload}.`,
      `${header}.${payload}`,
      'x',
    ]) {
      expect(await ask(text), text.slice(0, 60)).toEqual(refused('invalid_token'));
    }
    expect(await ask(right)).toMatchObject({ status: 200 });
  });

  it('is 400 where there are two, or one in the query besides; alone there it is none', async () => {
    const right = await token();
    sent.push(right);
    const fields = `Authorization: Bearer ${right}\r\n`;
    const request = `GET /api/cache/key HTTP/1.1\r\nHost: x\r\n${fields}${fields}\r\n`;
    const { status, headers, body } = await exchange(app.host.port, request);
    expect([status, body]).toEqual([
      expect.stringContaining('400'),
      expect.stringContaining('invalid-header'),
    ]);
    const whole = {
      status: 400,
      headers: new Headers(headers.map(([...one]) => one)),
      body: Buffer.from(body),
    };
    expect(contract.faultsOf('GET', '/api/cache/key', whole)).toEqual([]);
    expect(await ask(`${right}, Bearer ${right}`)).toMatchObject({ status: 400, code: 'invalid-header' });
    const inQuery = `/api/cache/key?access_token=${right}`;
    expect(await ask(right, {}, inQuery)).toMatchObject({ status: 400, code: 'invalid-header' });
    expect(await ask(undefined, {}, inQuery)).toMatchObject({ status: 401 });
  });

  it('is not read where it is large', async () => {
    expect(await ask('a'.repeat(17 * 1024))).toMatchObject({ status: 400, code: 'invalid-header' });
    const huge = `GET /api/cache/key HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${'a'.repeat(100 * 1024)}\r\n\r\n`;
    expect((await exchange(app.host.port, huge)).status).toContain('431');
  });
});

describe('keys', () => {
  /** The most requests for documents in any minute. */
  const asked = (): number => {
    const timesMs = app.stack.authority.documentRequests.map(({ atMs }) => atMs);
    return Math.max(
      ...timesMs.map((from) => timesMs.filter((at) => at >= from && at < from + 60_000).length),
    );
  };

  it(
    'that are rolled over are known within a minute, and forged ones cost the authority nothing',
    { timeout: 120_000 },
    async () => {
      const before = await token();
      // Right in all but their key.
      const forged = await token({ header: { kid: 'of nobody' } });
      const [, payload, signature] = forged.split('.');
      const forge = (kid: string): string =>
        `${part({ alg: 'RS256', typ: 'JWT', kid })}.${payload}.${signature}`;
      await app.stack.issuer.rollOver();
      const after = await token();
      let count = 0;
      const flood = async (requests: number): Promise<void> => {
        for (let lane = 0; lane < requests; lane += 1) {
          const { status } = await ask(forge(`forged-${(count += 1)}`));
          expect(status).toBe(401);
        }
      };
      await Promise.all(Array.from({ length: 10 }, () => flood(100)));
      for (;;) {
        await Promise.all(Array.from({ length: 5 }, () => flood(2)));
        expect(await ask(before)).toMatchObject({ status: 200 });
        const { status } = await ask(after);
        if (status === 200) break;
        expect(status).toBe(401);
        expect(Date.now() - startedAtMs).toBeLessThan(90_000);
        await sleep(500);
      }
      expect(count).toBeGreaterThan(1000);
      expect(app.stack.authority.documentRequests).toHaveLength(4);
      expect(asked()).toBe(2);
    },
  );

  it('that are known go on while the authority is away; without any, the answer is 503 until it is back', async () => {
    const { authority, settings, callerSettings } = app.stack;
    const right = await token();
    authority.setDocumentsBehaviour('fail');
    const host = await startHost({
      appDirectory: packagedApp,
      settings: { ...settings, ...callerSettings, CACHE_MEMORY_MB: '0' },
      timers: false,
    });
    try {
      const askHost = async (path: string, init?: RequestInit) => fetch(host.url + path, init);
      const cold = { ...app, host, fetch: heldTo(contract, askHost) };
      await untilReady(cold);
      const askCold = async (bearer: string) =>
        cold.fetch('/api/cache/key', { headers: { Authorization: `Bearer ${bearer}` } });
      const away = await askCold(right);
      expect(away.status).toBe(503);
      expect(await away.json()).toMatchObject({ code: 'authority-unavailable' });
      expect(Number(away.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
      expect((await askCold('x')).status).toBe(401);
      expect(await ask(right)).toMatchObject({ status: 200 });
      authority.setDocumentsBehaviour('normal');
      await eventually(async () => expect((await askCold(right)).status).toBe(200), 40_000);
      const lines = host.logs().map(({ message }) => message);
      expect(lines.filter((line) => line.startsWith('signingKeysUnavailable'))).not.toEqual([]);
      expect(lines.filter((line) => line.startsWith('signingKeysRead'))).toHaveLength(1);
      expect(leakedPart(lines.join('\n'), [...sent, right])).toBeUndefined();
    } finally {
      await host.stop();
    }
  });
});

it('no token, and no part of one, is in any log', () => {
  const logged = app.host
    .logs()
    .map(({ message }) => message)
    .join('\n');
  expect(logged).toContain('signingKeysRead');
  expect(sent.length).toBeGreaterThan(20);
  // Those that are in the form of one; what stands in a URL is the host's to log.
  const whole = sent.filter((text) => text.split('.').length > 2 && !text.includes(','));
  expect(leakedPart(logged, whole.slice(0, 100))).toBeUndefined();
});
