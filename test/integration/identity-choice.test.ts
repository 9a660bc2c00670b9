// Which identity the app comes as, and by which way: all of it by settings.

import { expect, it } from 'vitest';
import { redisAudience, servicePrincipal, systemAssigned, userAssigned } from '../../local/token-issuer.ts';
import type { StackCredential } from '../../local/stack.ts';
import { startLocalApp, type LocalApp } from '../support/local-app.ts';

/** The name Redis knows the app's connection by. */
async function whoIsConnected(app: LocalApp): Promise<readonly string[]> {
  const clients = String(await app.stack.redis.admin('CLIENT', 'LIST'));
  const users = [...clients.matchAll(/ user=(?<user>\S+)/gu)].map((match) => match.groups?.['user'] ?? '');
  return [...new Set(users)].filter((user) => user !== 'local-admin');
}

it('as the system-assigned identity by default, also where a portal has left settings empty', async () => {
  const names = [
    'AZURE_CLIENT_ID',
    'AZURE_TENANT_ID',
    'AZURE_AUTHORITY_HOST',
    'REDIS_USERNAME',
    'WARMUP_KEYS',
  ];
  await using app = await startLocalApp({ settings: Object.fromEntries(names.map((name) => [name, ''])) });
  expect(await whoIsConnected(app)).toEqual([systemAssigned.objectId]);
});

it('as the user-assigned identity that AZURE_CLIENT_ID names', async () => {
  await using app = await startLocalApp({ settings: { AZURE_CLIENT_ID: userAssigned.clientId } });
  expect(await whoIsConnected(app)).toEqual([userAssigned.objectId]);
  expect(app.stack.identity.calls[0]?.clientId).toBe(userAssigned.clientId);
});

it('under the alias that REDIS_USERNAME names', async () => {
  await using app = await startLocalApp({
    settings: { REDIS_USERNAME: 'cache-app' },
    prepare: ({ front }) => front.assign(systemAssigned.objectId, 'cache-app'),
  });
  expect(await whoIsConnected(app)).toEqual(['cache-app']);
});

it.each<StackCredential>(['client-secret', 'client-certificate'])(
  'as an application with %s',
  async (credential) => {
    await using app = await startLocalApp({ credential });
    expect(await whoIsConnected(app)).toEqual([servicePrincipal.objectId]);
    expect((await app.fetch('/api/cache/absent')).status).toBe(404);
  },
);

it('with any scope that the cache accepts', async () => {
  const scope = 'acca5fbb-b7e4-4009-81f1-37e38fd66d78/.default';
  await using app = await startLocalApp({ settings: { REDIS_ENTRA_SCOPE: scope } });
  expect(app.stack.identity.calls[0]?.resource).toBe('acca5fbb-b7e4-4009-81f1-37e38fd66d78');
});

it('over plain TCP to loopback when TLS is switched off', async () => {
  await using app = await startLocalApp({
    untilReady: false,
    settings: { REDIS_TLS: 'false' },
    prepare: async (stack) => {
      // Straight to Redis, without the front: it knows one token, the one the endpoint hands out now.
      const url = `${stack.identity.url}?resource=${redisAudience}&api-version=2019-08-01`;
      const response = await fetch(url, { headers: { 'X-IDENTITY-HEADER': stack.identity.header } });
      const { access_token: token } = (await response.json()) as { access_token: string };
      await stack.redis.admin(
        'ACL',
        'SETUSER',
        systemAssigned.objectId,
        'on',
        `>${token}`,
        '~*',
        '&*',
        '+@all',
      );
      Object.assign(stack.settings, { REDIS_PORT: `${stack.redis.port}` });
    },
  });
  expect((await app.fetch('/api/cache/absent')).status).toBe(404);
  expect(app.stack.front.stats.connectionsAccepted).toBe(0);
});
