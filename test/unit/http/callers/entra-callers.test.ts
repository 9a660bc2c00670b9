import { createHmac } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Caller } from '../../../../src/http/callers/caller.ts';
import { EntraCallers, type AccessOptions } from '../../../../src/http/callers/entra-callers.ts';
import type { CallerPrefixes } from '../../../../src/http/callers/prefixes.ts';
import { Problem } from '../../../../src/http/problem.ts';
import {
  audience,
  callerId,
  issuerOfVersion1,
  makeKey,
  publishedWith,
  ScriptedTenant,
  signToken,
  tenantId,
  type Claims,
  type SigningKey,
} from '../../../support/caller-tokens.ts';
import { requestOf } from '../../../support/call-handler.ts';
import { FakeClock } from '../../../support/fake-clock.ts';

let one: SigningKey;
let two: SigningKey;
let unpublished: SigningKey;
beforeAll(async () => {
  [one, two, unpublished] = await Promise.all([makeKey('one'), makeKey('two'), makeKey('one')]);
});

const uri = 'api://cache.example';

interface Refusal {
  readonly status: number | undefined;
  readonly code: string;
  /** Of the challenge. */
  readonly error: string | undefined;
  readonly detail: string;
}

function start({ prefixes, easyAuth = false }: { prefixes?: CallerPrefixes; easyAuth?: boolean } = {}) {
  const clock = new FakeClock();
  const tenant = new ScriptedTenant(publishedWith(one));
  const authorityHost = 'https://login.microsoftonline.com';
  const options = { authorityHost, tenant: tenantId, audiences: [audience, uri], prefixes, easyAuth };
  const callers = new EntraCallers(options, { clock, emit: () => {}, read: tenant.read });
  const token = (claims: Claims = {}, header: Claims = {}, key = one) =>
    signToken({ key, nowMs: clock.nowMs(), claims, header });
  /** The caller, or what is answered. */
  const ask = async (
    headers: Readonly<Record<string, string>>,
    of: AccessOptions = { roles: ['Cache.Read'] },
  ): Promise<Caller | Refusal> => {
    try {
      return await callers.access(of)(requestOf({ headers }), clock.nowMs() + 1800);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      const { status } = error.toResponse();
      const challenge = error.headers['WWW-Authenticate'] ?? '';
      const [, reason] = /error="(\w+)"/u.exec(challenge) ?? [];
      return { status, code: error.code, error: reason, detail: error.message };
    }
  };
  const bearer = (text: string, of?: AccessOptions) => ask({ authorization: `Bearer ${text}` }, of);
  return { clock, tenant, callers, token, ask, bearer };
}

const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

describe('a token', () => {
  it('of the tenant for this app lets in: of version 2 and 1, of an application and a user', async () => {
    const { token, bearer } = start();
    const identity = { objectId: callerId, clientId: expect.any(String) as string, roles: ['Cache.Read'] };
    expect(await bearer(await token())).toEqual({ identity, prefixes: undefined });
    const version1 = { iss: issuerOfVersion1, aud: uri, azp: undefined, appid: 'some-app', ver: '1.0' };
    expect(await bearer(await token(version1))).toMatchObject({ identity: { clientId: 'some-app' } });
    const user = { scp: 'access', name: 'A user', roles: ['Fleet.Read', 'Cache.Read'] };
    expect(await bearer(await token(user))).toMatchObject({ identity: { roles: user.roles } });
  });

  it.each<[string, Claims, string]>([
    ['expired', { exp: 1_000_000_000 }, 'The token has expired.'],
    ['not yet valid', { nbf: 4_000_000_000 }, 'The token is not valid yet.'],
    ['without an end', { exp: undefined }, 'The token lacks a claim.'],
    ['with an end that is no number', { exp: 'tomorrow' }, 'The token lacks a claim.'],
    ['of another tenant', { tid: tenantId.replace('7e4a', '7e4b') }, 'of another tenant or authority'],
    [
      'of another issuer',
      { iss: `https://sts.windows.net/${tenantId.replace('7e4a', '7e4b')}/` },
      'of another tenant or authority',
    ],
    ['of an issuer that only begins like it', { iss: `${issuerOfVersion1}x` }, 'of another tenant'],
    ['for another audience', { aud: 'https://redis.azure.com' }, 'for another audience'],
    ['for no audience', { aud: undefined }, 'The token lacks a claim.'],
    ['without an object id', { oid: undefined }, 'The token lacks a claim.'],
    ['that is an ID token', { azp: undefined, nonce: 'x' }, 'The token is no access token.'],
    ['with roles that are none', { roles: 'Cache.Read' }, 'not those of Entra'],
    ['with an object id that is none', { oid: ['x'] }, 'not those of Entra'],
  ])('%s is refused', async (_name, claims, detail) => {
    const { token, bearer } = start();
    expect(await bearer(await token(claims))).toEqual({
      status: 401,
      code: 'unauthenticated',
      error: 'invalid_token',
      detail: expect.stringContaining(detail) as string,
    });
  });

  it('may be a minute early or late', async () => {
    const { token, bearer, clock } = start();
    const now = clock.nowMs() / 1000;
    expect(await bearer(await token({ nbf: now + 60 }))).toMatchObject({ identity: {} });
    expect(await bearer(await token({ nbf: now + 61 }))).toMatchObject({ status: 401 });
    expect(await bearer(await token({ exp: now - 59 }))).toMatchObject({ identity: {} });
    expect(await bearer(await token({ exp: now - 60 }))).toMatchObject({ status: 401 });
  });

  it('is signed with a key of the tenant, by RS256', async () => {
    const { token, bearer, clock, tenant } = start();
    const [header = '', payload = '', signature = ''] = (await token()).split('.');
    const { n } = one.published;
    const hmacHeader = part({ alg: 'HS256', typ: 'JWT', kid: 'one' });
    const hmac = createHmac('sha256', n).update(`${hmacHeader}.${payload}`).digest('base64url');
    const later = part({ ...(JSON.parse(Buffer.from(payload, 'base64url').toString()) as object), exp: 4e9 });
    for (const [text, why] of [
      [`${part({ alg: 'none', typ: 'JWT' })}.${payload}.`, 'RS256'],
      [`${part({ alg: 'none', kid: 'one' })}.${payload}.${signature}`, 'RS256'],
      [`${hmacHeader}.${payload}.${hmac}`, 'RS256'],
      [`${part({ alg: 'RS256' })}.${payload}.${signature}`, 'which key'],
      [`${part({ alg: 'RS256', kid: 'one', crit: ['x'], x: 1 })}.${payload}.${signature}`, 'malformed'],
      [`${header}.${later}.${signature}`, 'signature'],
      [`${header}.${payload}.${signature.slice(2)}`, 'signature'],
      [`${header}.${payload}.`, 'signature'],
      [`${header}.${payload}`, 'malformed'],
      [`${header}.${payload}.${signature}.x.y`, 'malformed'],
      ['x', 'malformed'],
      [await token({}, {}, unpublished), 'signature'],
      [await token({}, { kid: 'unknown' }), 'no such key'],
      [await token({}, { kid: 'constructor' }), 'no such key'],
      [await token({}, {}, two), 'no such key'],
    ] as const) {
      expect(await bearer(text), why).toEqual({
        status: 401,
        code: 'unauthenticated',
        error: 'invalid_token',
        detail: expect.stringContaining(why) as string,
      });
    }
    tenant.answer = publishedWith(one, two);
    await clock.advance(60_000);
    expect(await bearer(await token({}, {}, two))).toMatchObject({ identity: {} });
  });

  it('is verified once, and then let in until it expires, its key is withdrawn, or another instance of it comes', async () => {
    const { token, callers, clock, tenant, bearer } = start();
    const text = await token();
    await bearer(text);
    const access = callers.access({ roles: [] });
    const again = () => access(requestOf({ headers: { authorization: `Bearer ${text}` } }), clock.nowMs());
    // At once: nothing is verified again.
    expect(again()).toMatchObject({ identity: { objectId: callerId } });
    await clock.advance(3_659_000);
    expect(again()).toMatchObject({ identity: {} });
    await clock.advance(1000);
    await expect(again()).rejects.toThrow('expired');

    const fresh = await token();
    await bearer(fresh);
    tenant.answer = publishedWith(two);
    await clock.advance(60_000);
    expect(await bearer(await token({}, { kid: 'unknown' }))).toMatchObject({ status: 401 });
    expect(await bearer(fresh)).toMatchObject({
      status: 401,
      code: 'unauthenticated',
      error: 'invalid_token',
    });
  });

  it('that is refused is not remembered', async () => {
    const { bearer, token, clock } = start();
    const early = await token({ nbf: clock.nowMs() / 1000 + 90 });
    expect(await bearer(early)).toMatchObject({ status: 401 });
    await clock.advance(30_000);
    expect(await bearer(early)).toMatchObject({ identity: {} });
  });

  it('cannot be judged while the keys were never read', async () => {
    const { bearer, token, tenant } = start();
    tenant.answer = new Error('connect ECONNREFUSED');
    expect(await bearer(await token())).toMatchObject({
      status: 503,
      code: 'authority-unavailable',
      error: undefined,
    });
    expect(await bearer('x')).toMatchObject({ status: 401 });
  });
});

describe('a request', () => {
  it('without a token is told where to get one', async () => {
    const { callers, ask } = start();
    expect(await ask({})).toEqual({
      status: 401,
      code: 'unauthenticated',
      error: undefined,
      detail: `Send a token of Microsoft Entra ID for the scope ${audience}/.default as "Authorization: Bearer <token>".`,
    });
    const access = callers.access({ roles: [] });
    expect(() => access(requestOf({}), 0)).toThrow(
      expect.objectContaining({
        headers: {
          'WWW-Authenticate': `Bearer realm="cache", authorization_uri="https://login.microsoftonline.com/${tenantId}/oauth2/v2.0/authorize", scope="${audience}/.default"`,
        },
      }) as Error,
    );
  });

  it('with two tokens is 400', async () => {
    const { ask, token } = start();
    const twice = `Bearer ${await token()},Bearer ${await token()}`;
    expect(await ask({ authorization: twice })).toMatchObject({
      status: 400,
      code: 'invalid-header',
      error: 'invalid_request',
    });
  });

  it('lacks a role, which is named', async () => {
    const { bearer, token } = start();
    const text = await token({ roles: ['Cache.Read'] });
    expect(await bearer(text, { roles: ['Cache.Write'] })).toEqual({
      status: 403,
      code: 'forbidden',
      error: 'insufficient_scope',
      detail: 'The caller lacks the app role Cache.Write.',
    });
    expect(await bearer(text, { roles: ['Cache.Purge', 'Cache.Admin'] })).toMatchObject({ status: 403 });
    expect(await bearer(text, { roles: ['Cache.Write', 'Cache.Read'] })).toMatchObject({ identity: {} });
    expect(await bearer(await token({ roles: undefined, scp: 'Cache.Read' }))).toMatchObject({ status: 403 });
    expect(await bearer(await token({ roles: undefined }), { roles: [] })).toMatchObject({ identity: {} });
  });

  it('is confined to the prefixes of its caller', async () => {
    const { bearer, token } = start({ prefixes: { [callerId]: 'shop/' } });
    expect(await bearer(await token())).toMatchObject({ prefixes: ['shop/'] });
  });
});

describe("the platform's sign-in", () => {
  const principal = (claims: Readonly<Record<string, string | readonly string[]>> = {}, by = 'aad') => {
    const all = { oid: callerId, tid: tenantId, aud: audience, roles: 'Fleet.Read', ...claims };
    const list = Object.entries(all).flatMap(([typ, val]) =>
      [val].flat().map((single) => ({ typ, val: single })),
    );
    const json = JSON.stringify({ auth_typ: by, claims: list, name_typ: 'name', role_typ: 'roles' });
    return { 'x-ms-client-principal': Buffer.from(json).toString('base64') };
  };
  const page = { roles: ['Fleet.Read'], bySignIn: true };

  it('is believed where it is said to be there, for what browsers ask for', async () => {
    const { ask } = start({ easyAuth: true, prefixes: { 'Fleet.Read': 'x/' } });
    expect(await ask(principal(), page)).toEqual({
      identity: { objectId: callerId, clientId: undefined, roles: ['Fleet.Read'] },
      prefixes: ['x/'],
    });
    const long = 'http://schemas.microsoft.com/ws/2008/06/identity/claims/role';
    expect(await ask(principal({ roles: [], [long]: ['A', 'Fleet.Read'] }), page)).toMatchObject({
      identity: { roles: ['A', 'Fleet.Read'] },
    });
    expect(await ask(principal({ roles: 'Cache.Read' }), page)).toMatchObject({
      status: 403,
      code: 'forbidden',
    });
    expect(await ask(principal(), { roles: ['Fleet.Read'] })).toMatchObject({ status: 401 });
    expect(await ask({}, page)).toMatchObject({
      status: 401,
      code: 'unauthenticated',
      error: undefined,
      detail: expect.stringContaining('/.auth/login/aad'),
    });
  });

  it('is not believed by itself: anybody can send what it sends', async () => {
    const { ask } = start();
    expect(await ask(principal(), page)).toMatchObject({ status: 401, code: 'unauthenticated' });
  });

  it.each([
    ['another tenant', principal({ tid: tenantId.replace('7e4a', '7e4b') })],
    ['another application', principal({ aud: 'other' })],
    ['another provider', principal({}, 'google')],
    ['nobody', principal({ oid: [] })],
    ['what is no JSON', { 'x-ms-client-principal': 'x' }],
    ['null', { 'x-ms-client-principal': 'bnVsbA==' }],
    [
      'claims that are none',
      {
        'x-ms-client-principal': Buffer.from('{"auth_typ":"aad","claims":[1,null,{"typ":1}]}').toString(
          'base64',
        ),
      },
    ],
    ['too much', { 'x-ms-client-principal': 'x'.repeat(40_000) }],
  ])('of %s lets nobody in', async (_name, headers) => {
    const { ask } = start({ easyAuth: true });
    expect(await ask(headers, page)).toMatchObject({ status: 401, code: 'unauthenticated' });
  });

  it('cannot be judged while the tenant is not known', async () => {
    const { ask, tenant } = start({ easyAuth: true });
    tenant.answer = new Error('connect ECONNREFUSED');
    expect(await ask(principal(), page)).toMatchObject({ status: 503, code: 'authority-unavailable' });
  });

  it('does not outweigh a token that is wrong', async () => {
    const { ask } = start({ easyAuth: true });
    expect(await ask({ ...principal(), authorization: 'Bearer x' }, page)).toMatchObject({ status: 401 });
  });
});
