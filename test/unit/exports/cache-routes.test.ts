import { describe, expect, it } from 'vitest';
import { cachePartsOf } from '../../../src/exports/cache-parts.ts';
import { startCache } from '../../../src/exports/start-cache.ts';
import { registerCacheRoutes } from '../../../src/exports/cache-routes.ts';
import { callHandler, problemCode } from '../../support/call-handler.ts';
import { cacheSettings, publicClient } from '../../support/public-client.ts';
import { recordedFunctionsApp } from '../../support/recorded-functions-app.ts';

type Handler = Parameters<typeof callHandler>[0];

describe('registerCacheRoutes', () => {
  it('registers the routes of the app', () => {
    const app = recordedFunctionsApp();
    const cache = startCache(publicClient().redis, cacheSettings);
    registerCacheRoutes(app, { cache });
    const routes = [...app.httpFunctions].map(([name, { methods, route, authLevel }]) => [
      name,
      methods?.join(' '),
      route,
      authLevel,
    ]);
    expect(routes).toEqual([
      ['readCache', 'GET HEAD', 'cache/{*key}', 'function'],
      ['writeCache', 'PUT', 'cache/{*key}', 'function'],
      ['removeCache', 'DELETE', 'cache/{*key}', 'function'],
      ['readBatch', 'POST', 'batch', 'function'],
      ['purge', 'POST', 'purge', 'function'],
    ]);
  });

  it('registers them where and for whom it is told', () => {
    const app = recordedFunctionsApp();
    const cache = startCache(publicClient().redis, cacheSettings);
    const told = { route: 'v1/entries', batchRoute: 'v1/batch', purgeRoute: 'v1/purge' };
    registerCacheRoutes(app, { cache, ...told, authLevel: 'anonymous' });
    const routes = [...app.httpFunctions.values()].map(({ route, authLevel }) => `${route} ${authLevel}`);
    expect(new Set(routes)).toEqual(
      new Set(['v1/entries/{*key} anonymous', 'v1/batch anonymous', 'v1/purge anonymous']),
    );
  });

  it.each([
    ['as the cache is', { ...cacheSettings, writes: 'disabled' } as const, {}],
    ['as it is told', cacheSettings, { writes: 'disabled' } as const],
  ])('is read-only %s', async (_name, settings, options) => {
    const app = recordedFunctionsApp();
    registerCacheRoutes(app, { cache: startCache(publicClient().redis, settings), ...options });
    const call = { method: 'PUT', params: { key: 'a' } };
    const answer = await callHandler(app.httpFunctions.get('writeCache')?.handler as Handler, call);
    expect(problemCode(answer)).toBe('writes-disabled');
  });

  it('stops the cache before the client closes, once, however often it is called', async () => {
    const app = recordedFunctionsApp();
    const { redis, ended } = publicClient();
    const cache = startCache(redis, cacheSettings);
    cachePartsOf('test', cache).cache.stop = async () => void ended.push('cache');
    registerCacheRoutes(app, { cache });
    const other = startCache(redis, { ...cacheSettings, keyPrefix: 'other:' });
    registerCacheRoutes(app, { cache: other, route: 'other', batchRoute: 'others', suffix: 'Other' });
    expect([...app.httpFunctions.keys()]).toContain('readCacheOther');
    await app.end();
    expect(ended).toEqual(['cache', 'client']);
  });

  it('refuses what is no cache, and names every other fault', () => {
    const options = {
      cache: {},
      route: 'a/',
      batchRoute: '',
      authLevel: 1,
      writes: true,
      suffix: ' ',
      ttl: 1,
    };
    const registering = () => registerCacheRoutes(recordedFunctionsApp(), options as never);
    for (const name of Object.keys(options)) expect(registering).toThrow(name);
  });
});
