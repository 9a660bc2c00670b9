// redis-entra-functions/testing: Azure in a box, for the tests of an app that uses the package.

import { checkOptions, trueOrFalse, wholeNumber } from '../../src/exports/options.ts';
import { startStack, type AnyStack } from '../stack.ts';
import { boxedCallers, type BoxedCallers } from './boxed-callers.ts';
import { localCredential, type LocalCredential } from './local-credential.ts';

export type { BoxedCallerOptions, BoxedCallers, TenantBehaviour } from './boxed-callers.ts';
export type { LocalCredential } from './local-credential.ts';

/** What is started, and how long its tokens live. */
export interface AzureInABoxOptions {
  /** Milliseconds from 1000 to a day, whole seconds of them count; 600,000 where undefined. A few thousand show rotations in a short test. */
  readonly tokenLifetimeMs?: number | undefined;
  /** Whether Redis is a cluster of three primaries and three replicas, as with the policy `OSSCluster`. */
  readonly cluster?: boolean | undefined;
  /**
   * Whether there is blob storage, too. It needs the package `azurite`, and takes the longest to start. What asks it by
   * `fetch`, as the origin of a cache does, has to trust `client.ca`: see docs/package/testing.md.
   */
  readonly storage?: boolean | undefined;
}

/** How the cache behaves towards those who connect. */
export type CacheBehaviour =
  | 'normal'
  /** New connections are closed at once. */
  | 'refuse'
  /** Connections are accepted, and nothing on them is answered any more. */
  | 'stall'
  /** AUTH on a live connection is refused whatever the token; new connections work. */
  | 'refuse-auth';

/** How the identity endpoint answers. */
export type IdentityBehaviour =
  | 'normal'
  /** With status 500. */
  | 'fail'
  /** Not at all, not even those who ask while it is so. */
  | 'hang'
  /** With the last token again, however old. */
  | 'repeat'
  /** With a token that expired a minute ago. */
  | 'expired'
  /** As normal, `delayMs` later. */
  | { readonly mode: 'slow'; readonly delayMs: number };

/** Redis, behind a TLS listener that enforces what Azure enforces of Entra authentication. */
export interface BoxedCache {
  /** From now on, until told otherwise. */
  setBehaviour(behaviour: CacheBehaviour): void;
  /** Breaks every connection. */
  cutConnections(): void;
  /** Since the start: connections, and AUTH commands by their outcome; `live`: connections now. */
  readonly stats: {
    readonly connectionsAccepted: number;
    readonly live: number;
    readonly auths: number;
    readonly authsRejected: number;
  };
  /** Ends Redis at once: what it held is lost. */
  kill(): Promise<void>;
  /** Ends Redis, if it runs, and starts it again on the same port, empty. */
  restart(): Promise<void>;
  /** Freezes Redis: connections stay, nothing is answered. */
  pause(): void;
  /** Ends `pause`: what was sent meanwhile is answered. */
  resume(): void;
  /**
   * One command, as an administrator.
   * @example
   * await box.cache.command('SET', 'greeting', 'hello');
   */
  command(...command: readonly string[]): Promise<CacheReply>;
}

/** As redis-cli shows it. */
export type CacheReply = string | number | null | readonly CacheReply[];

/** The managed-identity endpoint, as App Service and Functions have it. */
export interface BoxedIdentity {
  /** From now on, until told otherwise. */
  setBehaviour(behaviour: IdentityBehaviour): void;
  /** For tokens made from now on. */
  setTokenLifetimeMs(lifetimeMs: number): void;
  /** Forgets the tokens that were made, so that the next request gets a new one. */
  forget(): void;
  /** How often a token was asked for. */
  readonly requests: number;
}

/** Blob storage that is entered with a token. */
export interface BoxedStorage {
  /** Of the account, without a slash at the end: `<blobUrl>/<container>` is a container. */
  readonly blobUrl: string;
  /** Makes a container that is private. */
  createContainer(container: string): Promise<void>;
  /**
   * Writes a blob, in the place of one of that name.
   * @param contentType `application/octet-stream` where undefined.
   */
  putBlob(container: string, name: string, body: string | Buffer, contentType?: string): Promise<void>;
}

/** Everything that was started, on loopback and ports that were free. */
export interface AzureInABox extends AsyncDisposable {
  /** What `createRedis` needs to connect: `createRedis({ ...box.client })`. */
  readonly client: {
    readonly hostname: string;
    readonly port: number;
    readonly clusteringPolicy: 'EnterpriseCluster' | 'OSSCluster';
    /** PEM of the authority that the certificates of the box are by. */
    readonly ca: string;
    readonly credential: LocalCredential;
  };
  /**
   * The environment of a process that reads `REDIS_HOSTNAME` and `REDIS_PORT`, and uses `ManagedIdentityCredential`.
   * Node.js reads `NODE_EXTRA_CA_CERTS` when it starts: in the process of the test it has no effect.
   */
  readonly settings: Readonly<Record<string, string>>;
  /** The cache, and how to get it into trouble. */
  readonly cache: BoxedCache;
  /** Where tokens come from, and how to get that into trouble. */
  readonly identity: BoxedIdentity;
  /** Who calls an app over HTTP with tokens, `HTTP_AUTH=entra` or `entraCallers`. */
  readonly callers: BoxedCallers;
  /** Undefined where it was not asked for. */
  readonly storage: BoxedStorage | undefined;
  /** Stops everything; calling it again changes nothing. */
  stop(): Promise<void>;
}

/**
 * Starts a real Redis that takes Entra tokens only, the identity endpoint that makes them and, where it is asked for,
 * blob storage. Needs `redis-server` or `valkey-server` (7 or later) on the `PATH`. Nothing outlives the process, however
 * that ends.
 *
 * @throws Error that says what is missing; AppError `options-invalid` that names every option that is wrong or unknown.
 * @example
 * ```ts
 * await using box = await startAzureInABox({ tokenLifetimeMs: 5000 });
 * const redis = createRedis({ ...box.client });
 * box.cache.setBehaviour('stall');
 * ```
 */
export async function startAzureInABox(options: AzureInABoxOptions = {}): Promise<AzureInABox> {
  checkOptions('startAzureInABox', options, {
    tokenLifetimeMs: wholeNumber(1000, 86_400_000),
    cluster: trueOrFalse,
    storage: trueOrFalse,
  });
  const { tokenLifetimeMs = 600_000, cluster = false, storage = false } = options;
  const stack = await startStack({ tokenLifetimeMs, cluster, storage });
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => (stopping ??= stack.stop());
  return {
    client: {
      hostname: stack.front.hostname,
      port: stack.front.port,
      clusteringPolicy: cluster ? 'OSSCluster' : 'EnterpriseCluster',
      ca: stack.certificates.caPem,
      credential: localCredential(stack.identity),
    },
    settings: stack.settings,
    cache: boxedCache(stack),
    identity: boxedIdentity(stack),
    callers: boxedCallers(stack),
    storage: stack.storage,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

function boxedCache({ front, redis }: AnyStack): BoxedCache {
  return {
    setBehaviour: (behaviour) => front.setBehaviour(behaviour),
    cutConnections: () => front.cutAll(),
    get stats() {
      return front.stats;
    },
    kill: () => redis.kill(),
    restart: () => redis.restart(),
    pause: () => redis.pause(),
    resume: () => redis.resume(),
    command: (...command) => redis.admin(...command),
  };
}

function boxedIdentity({ identity }: AnyStack): BoxedIdentity {
  return {
    setBehaviour: (behaviour) => identity.setBehaviour(behaviour),
    setTokenLifetimeMs: (lifetimeMs) => identity.setTokenLifetimeMs(lifetimeMs),
    forget: () => identity.forget(),
    get requests() {
      return identity.calls.length;
    },
  };
}
