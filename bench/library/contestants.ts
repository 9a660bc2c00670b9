// getOrSet of three libraries over one Redis, each as its README shows it, with a tier in memory or without: this
// package, bentocache and cacheable.

import { ManagedIdentityCredential } from '@azure/identity';
import { createKeyv } from '@keyv/redis';
import { BentoCache, bentostore } from 'bentocache';
import { memoryDriver } from 'bentocache/drivers/memory';
import { redisBusDriver, redisDriver } from 'bentocache/drivers/redis';
import { Cacheable } from 'cacheable';
import { Redis as IoRedis } from 'ioredis';
import { createCache } from '../../src/exports/cache.ts';
import { createRedis } from '../../src/exports/redis.ts';

export interface Contestant {
  /** The value of the key, by `load` where there is none. */
  getOrSet(key: string, load: () => Promise<object>): Promise<unknown>;
  stop(): Promise<void>;
}

export interface Lifetime {
  readonly ttlSeconds: number;
  /** Past that, while it is loaded anew or cannot be. */
  readonly staleSeconds: number;
}

/** Whether values are kept in the memory of the process as well. */
export type Tiers = 'redis' | 'memory';

/** Where Redis is, and who signs in; the others get a token as a password, once. */
interface Access {
  readonly hostname: string;
  readonly port: number;
  readonly username: string;
  readonly password: string;
}

const connectors = {
  'redis-entra-functions': connectOurs,
  'bentocache 1.6': connectBentocache,
  'cacheable 2.5': connectCacheable,
} as const satisfies Record<
  string,
  (access: Access, lifetime: Lifetime, tiers: Tiers) => Promise<Contestant>
>;

export type ContestantName = keyof typeof connectors;
export const contestantNames = Object.keys(connectors) as ContestantName[];

/** Resolves when it has been asked for a first key. */
export async function connect(
  name: ContestantName,
  lifetime: Lifetime,
  tiers: Tiers = 'redis',
): Promise<Contestant> {
  const { token } = await new ManagedIdentityCredential().getToken('https://redis.azure.com/.default');
  const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as {
    oid: string;
  };
  const access = {
    hostname: process.env['REDIS_HOSTNAME'] ?? '',
    port: Number(process.env['REDIS_PORT']),
    username: claims.oid,
    password: token,
  };
  const contestant = await connectors[name](access, lifetime, tiers);
  await contestant.getOrSet(`first of ${process.pid}`, async () => ({ value: 1 }));
  return contestant;
}

async function connectOurs(
  { hostname, port }: Access,
  lifetime: Lifetime,
  tiers: Tiers,
): Promise<Contestant> {
  const redis = createRedis({ hostname, port, credential: new ManagedIdentityCredential() });
  const cache = createCache({ redis, namespace: 'ours', memoryMb: tiers === 'memory' ? 32 : 0 });
  return {
    getOrSet: (key, load) => cache.getOrSet(key, load, lifetime),
    stop: () => redis.close(),
  };
}

async function connectBentocache(access: Access, lifetime: Lifetime, tiers: Tiers): Promise<Contestant> {
  const { hostname: host, port, username, password } = access;
  const connection = new IoRedis({ host, port, username, password, tls: {} });
  connection.on('error', () => {});
  const { ttlSeconds, staleSeconds } = lifetime;
  const bento = new BentoCache({
    default: 'redis',
    stores: {
      redis:
        tiers === 'redis'
          ? bentostore().useL2Layer(redisDriver({ connection }))
          : bentostore()
              .useL1Layer(memoryDriver({ maxSize: '32mb' }))
              .useL2Layer(redisDriver({ connection }))
              .useBus(redisBusDriver({ connection: { host, port, username, password, tls: {} } })),
    },
  });
  const times = { ttl: ttlSeconds * 1000, grace: staleSeconds * 1000 };
  return {
    getOrSet: (key, factory) => bento.getOrSet({ key, factory, ...times }),
    stop: () => bento.disconnectAll(),
  };
}

async function connectCacheable(access: Access, lifetime: Lifetime, tiers: Tiers): Promise<Contestant> {
  const { hostname: host, port, username, password } = access;
  // Its first tier is the process's memory unless another is given.
  const redis = createKeyv(
    { socket: { host, port, tls: true }, username, password },
    { namespace: 'cacheable', throwOnConnectError: false },
  );
  redis.on('error', () => {});
  const cacheable = new Cacheable(tiers === 'redis' ? { primary: redis } : { secondary: redis });
  cacheable.on('error', () => {});
  return {
    getOrSet: (key, load) => cacheable.getOrSet(key, load, { ttl: lifetime.ttlSeconds * 1000 }),
    stop: () => cacheable.disconnect(),
  };
}
