// Tokens for the cache's HTTP side from the local Entra, asked for and verified as on Azure.

import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { ClientSecretCredential, ManagedIdentityCredential } from '@azure/identity';
import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify, type JWTPayload } from 'jose';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { cacheClientId, cacheIdUri, user } from '../../local/cache-registration.ts';
import { announce, whatRuns } from '../../local/commands/running.ts';
import { freshToken } from '../../local/commands/token.ts';
import { localCredential } from '../../local/exports/local-credential.ts';
import type { Stack } from '../../local/stack.ts';
import { issuerUrl, localTenantId, systemAssigned, userAssigned } from '../../local/token-issuer.ts';
import { adoptIdentity } from '../support/managed-identity.ts';
import { startStack } from '../support/stack.ts';

const scope = `${cacheIdUri}/.default`;
const retryOptions = { maxRetries: 0 };
let stack: Stack;
let tenantUrl: string;

beforeAll(async () => {
  stack = await startStack({ storage: false });
  setDefaultCACertificates([...getCACertificates(), stack.certificates.caPem]);
  tenantUrl = `${stack.authority.url}/${localTenantId}`;
});
afterEach(() => {
  stack.authority.setDocumentsBehaviour('normal');
  stack.callers.version = 2;
});
afterAll(async () => stack?.stop());

interface Discovery {
  readonly issuer: string;
  readonly jwks_uri: string;
}

async function published(version: '' | '/v2.0' = '/v2.0'): Promise<Discovery> {
  const answer = await fetch(`${tenantUrl}${version}/.well-known/openid-configuration`);
  return (await answer.json()) as Discovery;
}

/** As whoever receives it would, by what the tenant publishes. */
async function verified(token: string, audience: string, version: '' | '/v2.0' = '/v2.0') {
  const { issuer, jwks_uri: keysUrl } = await published(version);
  return (await jwtVerify(token, createRemoteJWKSet(new URL(keysUrl)), { issuer, audience })).payload;
}

async function applicationToken(): Promise<string> {
  const { tenantId, clientId, clientSecret, url } = stack.authority;
  const options = { authorityHost: url, disableInstanceDiscovery: true, retryOptions };
  return (await new ClientSecretCredential(tenantId, clientId, clientSecret, options).getToken(scope)).token;
}

describe('a token for the cache', () => {
  it('has the roles that the application is assigned, in the version that the registration asks for', async () => {
    expect(await verified(await applicationToken(), cacheClientId)).toMatchObject({
      iss: `${tenantUrl}/v2.0`,
      azp: stack.authority.clientId,
      roles: ['Cache.Read', 'Cache.Write', 'Cache.Purge', 'Fleet.Read'],
      ver: '2.0',
    });
    stack.callers.version = 1;
    const first = await verified(await applicationToken(), cacheIdUri, '');
    expect(first).toMatchObject({ iss: issuerUrl, appid: stack.authority.clientId, ver: '1.0' });
    expect(first['roles']).toHaveLength(4);
    expect(first).not.toHaveProperty('azp');
  });

  it('is given to a managed identity, with its roles or without any', async () => {
    adoptIdentity(stack.identity);
    const of = async (clientId?: string): Promise<JWTPayload> => {
      const credential = new ManagedIdentityCredential({ ...(clientId && { clientId }), retryOptions });
      return verified((await credential.getToken(scope)).token, cacheClientId);
    };
    expect(await of()).toMatchObject({ oid: systemAssigned.objectId });
    expect((await of(userAssigned.clientId))['roles']).toEqual(['Cache.Read']);
    stack.callers.assign(systemAssigned, []);
    stack.identity.forget();
    // ManagedIdentityCredential would repeat the token from before.
    const { token } = await localCredential(stack.identity).getToken(scope);
    expect(await verified(token, cacheClientId)).not.toHaveProperty('roles');
  });

  it('is a user’s, and may be wrong, where a test asks for that', async () => {
    const claims = await verified(await stack.callers.token({ kind: 'user' }), cacheClientId);
    expect(claims).toMatchObject({ oid: user.objectId, scp: 'user_impersonation' });
    expect(claims.sub).not.toBe(claims['oid']);
    const wrong = await stack.callers.token({
      claims: { tid: 'another', oid: undefined },
      header: { kid: 'unknown' },
      roles: ['Cache.Purge'],
      issuedAtMs: Date.now() - 7_200_000,
    });
    expect(decodeJwt(wrong)).toMatchObject({ tid: 'another', roles: ['Cache.Purge'] });
    expect(decodeJwt(wrong)).not.toHaveProperty('oid');
    expect(decodeJwt(wrong).exp).toBeLessThan(Date.now() / 1000);
    expect(decodeProtectedHeader(wrong).kid).toBe('unknown');
  });
});

describe('what the tenant publishes', () => {
  it('has the form of Entra’s: keys name their issuer, and no algorithm', async () => {
    expect(await published()).toMatchObject({
      issuer: `${tenantUrl}/v2.0`,
      jwks_uri: `${tenantUrl}/discovery/v2.0/keys`,
      token_endpoint: `${tenantUrl}/oauth2/v2.0/token`,
    });
    const { keys } = (await (await fetch(`${tenantUrl}/discovery/v2.0/keys`)).json()) as {
      keys: readonly Record<string, unknown>[];
    };
    const [key] = keys;
    expect(key).toMatchObject({ kty: 'RSA', use: 'sig', e: 'AQAB', issuer: `${tenantUrl}/v2.0` });
    expect(key).not.toHaveProperty('alg');
    expect(key?.['kid']).toBe(key?.['x5t']);
  });

  it('fails and hangs when told to, apart from the tokens, and counts who asked', async () => {
    const before = stack.authority.documentRequests.length;
    stack.authority.setDocumentsBehaviour('fail');
    expect((await fetch(`${tenantUrl}/discovery/v2.0/keys`)).status).toBe(503);
    stack.authority.setDocumentsBehaviour('hang');
    const signal = AbortSignal.timeout(300);
    await expect(fetch(`${tenantUrl}/v2.0/.well-known/openid-configuration`, { signal })).rejects.toThrow();
    expect(stack.authority.documentRequests.slice(before).map(({ document }) => document)).toEqual([
      'keys',
      'discovery',
    ]);
    await stack.callers.token();
  });

  it('has the next key after a roll-over, and the one before until that is withdrawn', async () => {
    const before = await stack.callers.token();
    const rollOver = await stack.issuer.rollOver();
    const after = await stack.callers.token();
    await verified(before, cacheClientId);
    await verified(after, cacheClientId);
    rollOver.withdraw();
    await verified(after, cacheClientId);
    await expect(verified(before, cacheClientId)).rejects.toThrow('no applicable key found');
  });
});

describe('npm run token', () => {
  let directory: string;
  let path: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'token-command-'));
    path = join(directory, 'running.json');
  });
  afterAll(async () => rm(directory, { recursive: true, force: true }));

  it('prints a token with the roles that are asked for, of what runs, which only the user can find', async () => {
    await writeFile(path, 'of another run', { mode: 0o644 });
    const announced = announce(stack, path);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    const token = await freshToken({ roles: ['Cache.Read', 'Fleet.Read'], isUser: false }, path);
    expect(await verified(token, cacheClientId)).toMatchObject({ roles: ['Cache.Read', 'Fleet.Read'] });
    const ofUser = decodeJwt(await freshToken({ roles: [], isUser: true }, path));
    expect(ofUser).toMatchObject({ oid: user.objectId });
    await announced.stop();
    expect(whatRuns(path)).toBeUndefined();
  });

  it('says what to do where nothing runs, or what ran was killed', async () => {
    const ask = () => freshToken({ roles: ['Cache.Read'], isUser: false }, path);
    await expect(ask()).rejects.toThrow('`npm start -- --callers entra`');
    const announced = announce(stack, path);
    const left = JSON.parse(await readFile(path, 'utf8')) as object;
    await announced.stop();
    await writeFile(path, JSON.stringify({ ...left, authorityUrl: 'https://localhost:1' }));
    await expect(ask()).rejects.toThrow('`npm start -- --callers entra`');
    await writeFile(path, JSON.stringify({ ...left, clientSecret: 'of another run' }));
    await expect(ask()).rejects.toThrow('`npm start -- --callers entra`');
  });

  it('names the roles that there are', async () => {
    await expect(freshToken({ roles: ['Cache.Raed'], isUser: false }, path)).rejects.toThrow(
      'No such role: "Cache.Raed". There are: Cache.Read, Cache.Write, Cache.Purge, Fleet.Read.',
    );
  });
});
