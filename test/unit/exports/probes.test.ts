import { expect, it } from 'vitest';
import { registerProbes } from '../../../src/exports/probes.ts';
import { callHandler } from '../../support/call-handler.ts';
import { publicClient } from '../../support/public-client.ts';
import { recordedFunctionsApp } from '../../support/recorded-functions-app.ts';

type Handler = Parameters<typeof callHandler>[0];

it('are open to anybody, below a route of choice', async () => {
  const app = recordedFunctionsApp();
  const { redis } = publicClient({ get: async () => null, eval: async () => 'OK' });
  registerProbes(app, { redis, route: 'probes' });
  const routes = [...app.httpFunctions].map(([name, { route, authLevel }]) => [name, route, authLevel]);
  expect(routes).toEqual([
    ['live', 'probes/live', 'anonymous'],
    ['ready', 'probes/ready', 'anonymous'],
  ]);
  const answer = await callHandler(app.httpFunctions.get('ready')?.handler as Handler);
  expect(answer).toMatchObject({ status: 200, body: '{"status":"ready","tokenExpiresInSeconds":90}' });
});

it('ask for keys with the prefix of the cache, because an access policy may allow no others', async () => {
  const app = recordedFunctionsApp();
  const { redis, parts, recorded } = publicClient({ get: async () => null });
  parts.caches.push({ keyPrefix: 'shop:', memory: undefined });
  registerProbes(app, { redis, writes: false });
  await callHandler(app.httpFunctions.get('ready')?.handler as Handler);
  expect(recorded.calls.map(({ key }) => key.startsWith('shop:'))).toEqual([true, true, true, true]);
});
