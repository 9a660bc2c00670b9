// Azure in a box: starts every local part, wired together, and stops them all.
// Used by `npm start`, the tests and the benchmarks. Knows nothing of the app but the settings it is given.

import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ServerCertificates } from './certificates.ts';
import { startClusterFront, type ClusterFront } from './entra-front/cluster-front.ts';
import { startEntraFront, type EntraFront } from './entra-front/front.ts';
import { appRoles, cacheClientId, cacheIdUri, CacheRegistration, user } from './cache-registration.ts';
import { startIdentityEndpoint, type IdentityEndpoint } from './identity-endpoint.ts';
import { joinPem, writePem } from './pem.ts';
import { startRedisCluster, type RedisCluster } from './redis-cluster/cluster.ts';
import { startRedisServer, type LocalRedis, type RedisServer } from './redis-server.ts';
import type { StackKeys } from './stack-keys.ts';
import { startStorage, type LocalStorage } from './storage.ts';
import { startTokenAuthority, type TokenAuthority } from './token-authority.ts';
import {
  createTokenIssuer,
  servicePrincipal,
  systemAssigned,
  userAssigned,
  type TokenIssuer,
} from './token-issuer.ts';

export interface StackOptions {
  /** Of the tokens of both token services; 10 minutes unless said otherwise. */
  readonly tokenLifetimeMs?: number;
  /** Whether to start blob storage; it takes the longest. */
  readonly storage?: boolean;
  /** Whether the identities are given access to the cache. */
  readonly assigned?: boolean;
  /** Whether Redis is a cluster, as with the policy OSSCluster; one server otherwise. */
  readonly cluster?: boolean;
  /** The host names in the cache's certificate; `localhost` unless said otherwise. */
  readonly cacheNames?: readonly string[];
  /** Made at the start unless they are given; that is most of what a start computes. */
  readonly keys?: StackKeys;
}

/** What REDIS_CREDENTIAL may be here. */
export type StackCredential = 'managed-identity' | 'client-secret' | 'client-certificate';

/** What a stack with one server and one with a cluster have in common. */
export interface AnyStack {
  /** The environment of an app that uses the managed identity. */
  readonly settings: Readonly<Record<string, string>>;
  /** The same for an app that signs in otherwise. */
  settingsFor(credential: StackCredential): Readonly<Record<string, string>>;
  /** What to add for an app whose callers come with tokens, `HTTP_AUTH=entra`. */
  readonly callerSettings: Readonly<Record<string, string>>;
  readonly directory: string;
  readonly certificates: ServerCertificates;
  readonly issuer: TokenIssuer;
  readonly redis: LocalRedis;
  readonly front: EntraFront;
  readonly identity: IdentityEndpoint;
  readonly authority: TokenAuthority;
  /** Of the app's HTTP side: tokens for callers. All identities have all of its roles, but `userAssigned`, which may read. */
  readonly callers: CacheRegistration;
  /** Undefined if it was not asked for. */
  readonly storage: LocalStorage | undefined;
  stop(): Promise<void>;
}

export interface Stack extends AnyStack {
  readonly redis: RedisServer;
  readonly front: EntraFront;
}

export interface ClusterStack extends AnyStack {
  readonly redis: RedisCluster;
  readonly front: ClusterFront;
}

const defaultTokenLifetimeMs = 600_000;

export async function startStack(options?: StackOptions & { readonly cluster?: false }): Promise<Stack>;
export async function startStack(options: StackOptions & { readonly cluster: true }): Promise<ClusterStack>;
export async function startStack(options: StackOptions): Promise<AnyStack>;
export async function startStack(options: StackOptions = {}): Promise<AnyStack> {
  const { tokenLifetimeMs = defaultTokenLifetimeMs, storage: withStorage = true, assigned = true } = options;
  const directory = await mkdtemp(join(tmpdir(), 'redis-entra-local-'));
  const removeAtExit = (): void => rmSync(directory, { recursive: true, force: true });
  process.once('exit', removeAtExit);

  const starting: Promise<{ stop(): Promise<void> }>[] = [];
  /** Notes a part that starts, so that it is stopped whatever happens to the others. */
  const begin = <T extends { stop(): Promise<void> }>(part: Promise<T>): Promise<T> => {
    starting.push(part);
    // One may fail before it is waited for; `stop` waits for all.
    part.catch(() => {});
    return part;
  };
  const stop = async (): Promise<void> => {
    const parts = await Promise.allSettled(starting);
    // In the order of their dependence: the front goes before the Redis behind it.
    for (const part of parts.toReversed()) if (part.status === 'fulfilled') await part.value.stop();
    await rm(directory, { recursive: true, force: true });
    process.off('exit', removeAtExit);
  };

  try {
    const redisStarting = options.cluster
      ? begin(startRedisCluster({ directory }))
      : begin(startRedisServer({ directory }));
    const { certificates, client, signingKey } = options.keys ?? (await makeKeys(options.cacheNames));
    const issuer = await createTokenIssuer(signingKey);
    const callers = new CacheRegistration(issuer, tokenLifetimeMs);
    for (const identity of [systemAssigned, servicePrincipal, user]) callers.assign(identity, appRoles);
    callers.assign(userAssigned, ['Cache.Read']);
    const storageStarting = withStorage
      ? begin(startStorage({ certificates, issuer, identity: systemAssigned, directory }))
      : undefined;
    const [redis, identity, authority] = await Promise.all([
      redisStarting,
      begin(
        startIdentityEndpoint({
          issuer: callers,
          tokenLifetimeMs,
          systemAssigned,
          userAssigned: [userAssigned],
        }),
      ),
      begin(
        startTokenAuthority({
          issuer,
          tokenLifetimeMs,
          server: certificates.server,
          application: servicePrincipal,
          applicationCertificatePem: client.certificatePem,
          cache: callers,
        }),
      ),
    ]);
    const cacheParts =
      'nodes' in redis
        ? { redis, front: await begin(startClusterFront({ certificates, issuer, redis })) }
        : { redis, front: await begin(startEntraFront({ certificates, issuer, redis })) };
    const { front } = cacheParts;
    if (assigned) {
      for (const { objectId } of [systemAssigned, userAssigned, servicePrincipal]) front.assign(objectId);
    }
    const caPath = await writePem(directory, 'ca.pem', certificates.caPem);
    const clientCertificatePath = await writePem(directory, 'client.pem', joinPem(client));
    const storage = await storageStarting;

    const cache = {
      REDIS_HOSTNAME: front.hostname,
      REDIS_PORT: `${front.port}`,
      ...(options.cluster && { REDIS_CLUSTERING_POLICY: 'OSSCluster' }),
      NODE_EXTRA_CA_CERTS: caPath,
    };
    const settings = { ...cache, IDENTITY_ENDPOINT: identity.url, IDENTITY_HEADER: identity.header };
    const application = {
      ...cache,
      AZURE_TENANT_ID: authority.tenantId,
      AZURE_CLIENT_ID: authority.clientId,
      AZURE_AUTHORITY_HOST: authority.url,
    };
    const settingsByCredential: Record<StackCredential, Readonly<Record<string, string>>> = {
      'managed-identity': settings,
      'client-secret': {
        ...application,
        REDIS_CREDENTIAL: 'client-secret',
        AZURE_CLIENT_SECRET: authority.clientSecret,
      },
      'client-certificate': {
        ...application,
        REDIS_CREDENTIAL: 'client-certificate',
        AZURE_CLIENT_CERTIFICATE_PATH: clientCertificatePath,
      },
    };
    return {
      settings,
      settingsFor: (credential) => settingsByCredential[credential],
      callerSettings: {
        HTTP_AUTH: 'entra',
        HTTP_ENTRA_TENANT_ID: authority.tenantId,
        HTTP_ENTRA_AUDIENCE: `${cacheIdUri},${cacheClientId}`,
        AZURE_AUTHORITY_HOST: authority.url,
      },
      directory,
      certificates,
      issuer,
      ...cacheParts,
      identity,
      authority,
      callers,
      storage,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** What makes certificates is large, and loaded where none are given. */
async function makeKeys(cacheNames: readonly string[] | undefined): Promise<StackKeys> {
  const { makeStackKeys } = await import('./stack-keys.ts');
  return makeStackKeys(cacheNames);
}
