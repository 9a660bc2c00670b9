// The options of createRedis: what they are, their defaults, and what is wrong with those that were given.

import type { TokenCredentialLike } from '../auth/token-source.ts';
import { clusteringPolicies, type ClusteringPolicy } from '../redis/create.ts';
import { isHostName, isLoopback } from '../util/hostnames.ts';
import { checkOptions, oneOf, text, trueOrFalse, wholeNumber, type Rule } from './options.ts';

/** What authenticates with Redis, and as whom: for a client of this package and for one of your own. */
export interface IdentityOptions {
  /** Any credential of `@azure/identity`, or whatever has its `getToken`. */
  readonly credential: TokenCredentialLike;
  /** What tokens are asked for; `https://redis.azure.com/.default` where undefined. Sovereign clouds have others. */
  readonly scope?: string | undefined;
  /** The Redis user name; the token's object id (`oid`) where undefined. */
  readonly username?: string | undefined;
}

/** Which cache, who signs in, and how long a call may take. Only `hostname` and `credential` are required. */
export interface RedisOptions extends IdentityOptions {
  /** Host name of the cache, without the port. */
  readonly hostname: string;
  /** 10000 (Azure Managed Redis) where undefined; 6380 on Azure Cache for Redis. */
  readonly port?: number | undefined;
  /**
   * As the cache was created: `EnterpriseCluster` (where undefined) and `NoCluster` have one endpoint, `OSSCluster` is
   * connected to node by node.
   */
  readonly clusteringPolicy?: ClusteringPolicy | undefined;
  /** True where undefined. False is for loopback hosts only: a token must not travel in the clear. */
  readonly tls?: boolean | undefined;
  /**
   * PEM: the certificate authorities to trust, in place of those that Node.js trusts. For a proxy with a private one,
   * and for tests (`redis-entra-functions/testing`).
   */
  readonly ca?: string | undefined;
  /**
   * 1 to 32 letters, digits, "-" or "_" before the names of this package's own keys and channels (roll calls, locks);
   * `ref` where undefined. Clients of one namespace are one fleet.
   */
  readonly namespace?: string | undefined;
  /** Milliseconds that a call may take where it does not say so itself, from 100 to 230,000; 2000 where undefined. */
  readonly timeoutMs?: number | undefined;
}

export const defaultScope = 'https://redis.azure.com/.default';

export const identityRules = {
  credential: {
    expected: 'a TokenCredential: an object with getToken()',
    holds: (value: unknown) => typeof (value as TokenCredentialLike | null)?.getToken === 'function',
    required: true,
  },
  scope: text('one scope, as https://redis.azure.com/.default', /^\S+$/u),
  username: text('a user name without spaces', /^\S+$/u),
} as const;

/** All but the credential, with the defaults for what was not given. */
export type ResolvedRedisOptions = {
  readonly [K in Exclude<keyof RedisOptions, 'credential' | Optional>]-?: NonNullable<RedisOptions[K]>;
} & { readonly [K in Optional]: string | undefined };

/** What has no default. */
type Optional = 'username' | 'ca';

/** @throws AppError `options-invalid` that names every option that is missing, wrong or unknown. */
export function resolveRedisOptions(options: RedisOptions): ResolvedRedisOptions {
  const hostname: Rule & { readonly required: true } = {
    expected: 'the host name of the cache, without the port',
    holds: (value) => typeof value === 'string' && isHostName(value),
    required: true,
  };
  checkOptions('createRedis', options, {
    hostname,
    ...identityRules,
    port: wholeNumber(1, 65_535),
    clusteringPolicy: oneOf(...clusteringPolicies),
    tls: tlsRule((options as RedisOptions | null)?.hostname),
    ca: text('certificates in PEM', /-----BEGIN CERTIFICATE-----/u),
    namespace: text('1 to 32 letters, digits, "-" or "_"', /^[\w-]{1,32}$/u),
    timeoutMs: wholeNumber(100, 230_000),
  });
  return {
    hostname: options.hostname.toLowerCase(),
    port: options.port ?? 10_000,
    clusteringPolicy: options.clusteringPolicy ?? 'EnterpriseCluster',
    tls: options.tls ?? true,
    ca: options.ca,
    scope: options.scope ?? defaultScope,
    username: options.username,
    namespace: options.namespace ?? 'ref',
    timeoutMs: options.timeoutMs ?? 2000,
  };
}

function tlsRule(hostname: unknown): Rule {
  return typeof hostname === 'string' && isLoopback(hostname)
    ? trueOrFalse
    : { expected: 'true, because false is for loopback hosts only', holds: (value) => value === true };
}
