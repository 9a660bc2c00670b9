import { describe, expect, it } from 'vitest';
import { registerCacheRoutes } from '../../../src/exports/cache-routes.ts';
import { registerProbes } from '../../../src/exports/probes.ts';
import { registerReauthentication } from '../../../src/exports/reauthentication.ts';
import { startCache } from '../../../src/exports/start-cache.ts';
import { callHandler, type Called } from '../../support/call-handler.ts';
import { cacheSettings, publicClient } from '../../support/public-client.ts';
import { recordedFunctionsApp, type RecordedFunctionsApp } from '../../support/recorded-functions-app.ts';

type Handler = Parameters<typeof callHandler>[0];

async function ask(app: RecordedFunctionsApp, headers: Record<string, string> = {}): Promise<Called> {
  return callHandler(app.httpFunctions.get('openapi')?.handler as Handler, { headers });
}

async function pathsOf(app: RecordedFunctionsApp): Promise<readonly string[]> {
  const { body } = await ask(app);
  return Object.keys((JSON.parse(body ?? '') as { paths: object }).paths);
}

describe('the function openapi', () => {
  it('is registered where it has a route, as the others are', () => {
    const app = recordedFunctionsApp();
    const cache = startCache(publicClient().redis, cacheSettings);
    registerCacheRoutes(app, { cache, openapiRoute: 'v1/openapi.json' });
    expect(app.httpFunctions.get('openapi')).toMatchObject({
      route: 'v1/openapi.json',
      methods: ['GET', 'HEAD'],
      authLevel: 'function',
    });
  });

  it('answers the routes as they are, with those that are registered after it', async () => {
    const app = recordedFunctionsApp();
    const { redis } = publicClient();
    const cache = startCache(redis, cacheSettings);
    registerCacheRoutes(app, { cache, route: 'entries', openapiRoute: 'openapi.json' });
    expect(await pathsOf(app)).toEqual(['/entries/{key}', '/batch', '/purge', '/openapi.json']);
    registerReauthentication(app, { redis, fleetRoute: 'ops/fleet' });
    registerProbes(app, { redis });
    expect(await pathsOf(app)).toEqual([
      '/entries/{key}',
      '/batch',
      '/purge',
      '/ops/fleet',
      '/openapi.json',
      '/health/live',
      '/health/ready',
    ]);
    await app.end();
  });

  it('answers 304 to who has it', async () => {
    const app = recordedFunctionsApp();
    registerCacheRoutes(app, {
      cache: startCache(publicClient().redis, cacheSettings),
      openapiRoute: 'openapi.json',
    });
    const first = await ask(app);
    expect(first).toMatchObject({ status: 200, headers: { 'content-type': 'application/json' } });
    const again = await ask(app, { 'if-none-match': first.headers['etag'] ?? '' });
    expect(again).toMatchObject({ status: 304, body: undefined });
    expect(again.headers['etag']).toBe(first.headers['etag']);
    expect((await ask(app, { 'if-none-match': '"other"' })).status).toBe(200);
  });
});
