import { app } from '@azure/functions';
import { ManagedIdentityCredential } from '@azure/identity';
import { createCache } from 'redis-entra-functions/cache';
import * as functions from 'redis-entra-functions/functions';
import { createRedis } from 'redis-entra-functions/redis';
import { loadPrice, loadProduct } from './shop.js';

const { REDIS_HOSTNAME = '', REDIS_PORT = '10000' } = process.env;
const credential = new ManagedIdentityCredential();
const redis = createRedis({ hostname: REDIS_HOSTNAME, port: Number(REDIS_PORT), credential });
const cache = createCache({ redis, namespace: 'shop' });

const product = functions.httpHandler({}, async ({ params: { id = '' } }, { signal }) => {
  const lifetime = { ttlSeconds: 60, staleSeconds: 300, signal };
  return { jsonBody: await cache.getOrSet(`product:${id}`, () => loadProduct(id), lifetime) };
});
app.http('product', { route: 'product/{id}', handler: product });

const cachedPrice = cache.wrap('price', loadPrice, { ttlSeconds: 30 });
const price = functions.httpHandler({}, async ({ params: { id = '' } }) => ({
  jsonBody: await cachedPrice(id, 'EUR'),
}));
app.http('price', { route: 'price/{id}', handler: price });

const warmSet = {
  keys: ['product:1', 'product:2'],
  load: (key: string) => loadProduct(key.slice(8)),
  ttlSeconds: 900,
};
functions.registerReauthentication(app, { redis, fleetRoute: 'fleet' });
functions.registerCacheRoutes(app, { cache });
functions.registerWarmup(app, { cache, warmSet });
