import { createCache } from 'redis-entra-functions/cache';
import { createRedis, type RedisOptions } from 'redis-entra-functions/redis';

export interface Prices {
  of(id: string): Promise<number>;
  close(): Promise<void>;
}

export function startPrices(client: RedisOptions, load: (id: string) => Promise<number>): Prices {
  const redis = createRedis(client);
  const cache = createCache({ redis, namespace: 'prices' });
  const lifetime = { ttlSeconds: 60, staleSeconds: 600 };
  return {
    of: (id) => cache.getOrSet(`price:${id}`, () => load(id), lifetime),
    close: () => redis.close(),
  };
}
