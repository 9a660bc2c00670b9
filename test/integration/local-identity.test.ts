// The identity endpoint, the token authority and the blob storage, asked by the real SDK.

import {
  ClientCertificateCredential,
  ClientSecretCredential,
  ManagedIdentityCredential,
} from '@azure/identity';
import { createLocalJWKSet, decodeJwt, errors, jwtVerify, type JSONWebKeySet } from 'jose';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Stack } from '../../local/stack.ts';
import { redisAudience, servicePrincipal, systemAssigned, userAssigned } from '../../local/token-issuer.ts';
import { adoptIdentity } from '../support/managed-identity.ts';
import { startStack } from '../support/stack.ts';

const scope = `${redisAudience}/.default`;
const retryOptions = { maxRetries: 0 };
let stack: Stack;

beforeAll(async () => {
  stack = await startStack();
  setDefaultCACertificates([...getCACertificates(), stack.certificates.caPem]);
});
afterAll(async () => stack?.stop());

describe('the identity endpoint', () => {
  beforeEach(() => {
    adoptIdentity(stack.identity);
    stack.identity.setBehaviour('normal');
    stack.identity.setTokenLifetimeMs(60_000);
    stack.identity.forget();
  });

  it('gives the system-assigned identity its token', async () => {
    const { token, expiresOnTimestamp } = await new ManagedIdentityCredential({ retryOptions }).getToken(
      scope,
    );
    expect(decodeJwt(token)).toMatchObject({ aud: redisAudience, oid: systemAssigned.objectId });
    expect(expiresOnTimestamp).toBeLessThanOrEqual(Date.now() + 61_000);
    expect(expiresOnTimestamp).toBeGreaterThan(Date.now() + 55_000);
  });

  it('gives a user-assigned identity its own, and an unknown one nothing', async () => {
    const of = (clientId: string) =>
      new ManagedIdentityCredential({ clientId, retryOptions }).getToken(scope);
    expect(decodeJwt((await of(userAssigned.clientId)).token)['oid']).toBe(userAssigned.objectId);
    await expect(of('99999999-0000-0000-0000-000000000000')).rejects.toThrow();
  });

  it('repeats its token until half of its life is over, like the platform', async () => {
    const ask = async (): Promise<string> =>
      (await new ManagedIdentityCredential({ retryOptions }).getToken(scope)).token;
    const first = await ask();
    expect(await ask()).toBe(first);
    stack.identity.forget();
    expect(await ask()).not.toBe(first);
  });

  it('keeps an idle connection, so that none ends under a request', async () => {
    for (const url of [stack.identity.url, stack.authority.url])
      expect((await fetch(url)).headers.get('keep-alive')).toBe('timeout=120');
  });

  it('refuses whoever lacks the header', async () => {
    const url = `${stack.identity.url}?resource=${redisAudience}&api-version=2019-08-01`;
    expect((await fetch(url)).status).toBe(401);
    expect((await fetch(url, { headers: { 'X-IDENTITY-HEADER': stack.identity.header } })).status).toBe(200);
  });

  it('fails, hangs and issues expired tokens when told to, one call for each request', async () => {
    const ask = () => new ManagedIdentityCredential({ retryOptions }).getToken(scope);
    const callsBefore = stack.identity.calls.length;
    stack.identity.setBehaviour('fail');
    await expect(ask()).rejects.toThrow();
    stack.identity.setBehaviour('expired');
    expect((await ask()).expiresOnTimestamp).toBeLessThan(Date.now());
    stack.identity.setBehaviour('hang');
    const hung = ask();
    const waited = await Promise.race([
      hung.then(
        () => 'answered',
        () => 'failed',
      ),
      new Promise((resolve) => {
        setTimeout(() => resolve('still waiting'), 300);
      }),
    ]);
    expect(waited).toBe('still waiting');
    expect(stack.identity.calls.length - callsBefore).toBe(3);
  });
});

describe('the token authority', () => {
  const authority = () => ({
    authorityHost: stack.authority.url,
    disableInstanceDiscovery: true,
    retryOptions,
  });

  it('takes a client secret, and only the right one', async () => {
    const { tenantId, clientId, clientSecret } = stack.authority;
    const good = new ClientSecretCredential(tenantId, clientId, clientSecret, authority());
    expect(decodeJwt((await good.getToken(scope)).token)['oid']).toBe(servicePrincipal.objectId);
    const wrong = new ClientSecretCredential(tenantId, clientId, 'wrong', authority());
    await expect(wrong.getToken(scope)).rejects.toThrow(/AADSTS7000215/u);
  });

  it('takes a client certificate', async () => {
    const { tenantId, clientId } = stack.authority;
    const path = stack.settingsFor('client-certificate')['AZURE_CLIENT_CERTIFICATE_PATH'] ?? '';
    const credential = new ClientCertificateCredential(tenantId, clientId, path, authority());
    expect(decodeJwt((await credential.getToken(scope)).token)['oid']).toBe(servicePrincipal.objectId);
  });
});

describe('the documents for who checks tokens', () => {
  it('name the keys of all tenants, those before a roll-over and the new one', async () => {
    const keysNow = async (): Promise<ReturnType<typeof createLocalJWKSet>> => {
      const address = `${stack.authority.url}/common/.well-known/openid-configuration`;
      const { jwks_uri: keysUrl } = (await (await fetch(address)).json()) as { jwks_uri: string };
      return createLocalJWKSet((await (await fetch(keysUrl)).json()) as JSONWebKeySet);
    };
    const issue = async (): Promise<string> => {
      const options = { audience: redisAudience, identity: systemAssigned, lifetimeMs: 60_000 };
      return (await stack.issuer.issue(options)).token;
    };
    const [keysBefore, before] = [await keysNow(), await issue()];
    const rollOver = await stack.issuer.rollOver();
    const after = await issue();
    rollOver.undo();

    await jwtVerify(before, keysBefore);
    await expect(jwtVerify(after, keysBefore)).rejects.toThrow(errors.JWKSNoMatchingKey);
    const keysAfter = await keysNow();
    for (const token of [before, after, await issue()]) await jwtVerify(token, keysAfter);
    await jwtVerify(await issue(), keysBefore);
    // Who has the issuer itself, as the local front does, knows every key at once.
    expect(await stack.issuer.verify(after, { audience: redisAudience })).toMatchObject({
      objectId: systemAssigned.objectId,
    });
  });
});

describe('blob storage', () => {
  it('is open to a token and to nobody without one', async () => {
    const { storage } = stack;
    if (storage === undefined) throw new Error('The stack has no storage.');
    await storage.createContainer('data');
    await storage.putBlob('data', 'a/b.txt', 'by token', 'text/plain');
    const read = await storage.request('GET', '/data/a/b.txt');
    expect([read.status, read.body.toString(), read.headers['content-type']]).toEqual([
      200,
      'by token',
      'text/plain',
    ]);
    const anonymous = await storage.request('GET', '/data/a/b.txt', { Authorization: '' });
    expect(anonymous.status).toBeGreaterThanOrEqual(400);
  });
});
