// Logins for Redis clients that this package does not make: node-redis and ioredis, and what is built on them.

import { TokenKeeper, type KeeperStatus } from '../auth/token-keeper.ts';
import { createTokenSource } from '../auth/token-source.ts';
import { Attachments } from '../redis/attached/attachments.ts';
import { attachIoredis, type Ioredis } from '../redis/attached/ioredis.ts';
import { attachNodeRedis, type NodeRedis } from '../redis/attached/node-redis.ts';
import { EventHub } from '../telemetry/event-hub.ts';
import { emit } from '../telemetry/events.ts';
import { systemClock as clock } from '../util/clock.ts';
import { AppError } from '../util/errors.ts';
import { keptAlive } from '../util/pending-calls.ts';
import { checkOptions } from './options.ts';
import type { RedisEvent } from './redis-api.ts';
import { defaultScope, identityRules, type IdentityOptions } from './redis-options.ts';

export type { Ioredis } from '../redis/attached/ioredis.ts';
export type { NodeRedis } from '../redis/attached/node-redis.ts';

/** For the option `credentialsProvider` of a node-redis client: asked once for each handshake. */
export interface RedisCredentialsProvider {
  /** By which node-redis tells it from a streaming one. */
  readonly type: 'async-credentials-provider';
  /**
   * The user name, and the current token as the password.
   * @throws AppError `token-unavailable` where there is no token within 30 s, `stopped` after `close()`.
   */
  credentials(): Promise<{ username: string; password: string }>;
}

/** How logins are. Holds no secret. */
export interface RedisAuthStatus {
  /** `expiresAtMs` and `lastRotationAtMs` are milliseconds since the Unix epoch; undefined while there is no token. */
  readonly token: KeeperStatus;
  /** Live ones of attached clients. */
  readonly connections: number;
  /** AUTH commands that Redis accepted on live connections, since the start. */
  readonly reauthenticated: number;
  /** AUTH commands that were refused, or not answered. */
  readonly reauthenticationsFailed: number;
}

/** One identity's token for any number of clients. Made by `createRedisAuth`. */
export interface RedisAuth extends Disposable {
  /** Gives each handshake of a node-redis client the current token; `attach` does the rest. */
  readonly credentialsProvider: RedisCredentialsProvider;
  /**
   * Re-authenticates the live connections of a node-redis client, cluster or pool: one AUTH for each connection and
   * rotation, however often it has reconnected. Of a pool each client when it is first used. Under RESP2 a connection
   * that subscribes cannot: the server ends it with its token, and node-redis makes another.
   *
   * @returns how to stop; not needed where the client is closed.
   * @example
   * ```ts
   * const auth = createRedisAuth({ credential: new ManagedIdentityCredential() });
   * const url = 'rediss://my-cache.westeurope.redis.azure.net:10000';
   * const client = createClient({ url, credentialsProvider: auth.credentialsProvider });
   * auth.attach(client);
   * await client.connect();
   * ```
   * @throws AppError `options-invalid` for what is no node-redis client; `stopped` after `close()`.
   */
  attach(client: NodeRedis): () => void;
  /**
   * Gives an ioredis client (5 or 6), its duplicates and the nodes of a cluster the current token at each handshake,
   * and re-authenticates their live connections: one AUTH for each connection and rotation. One that cannot send AUTH,
   * because it subscribes under RESP2 or a command before it blocks for too long, is made anew before its token ends.
   *
   * @param client made with `lazyConnect: true`: it must not connect before there is a token.
   * @returns how to stop; not needed where the client is closed.
   * @example
   * ```ts
   * const auth = createRedisAuth({ credential: new ManagedIdentityCredential() });
   * const host = 'my-cache.westeurope.redis.azure.net';
   * const client = new Redis({ host, port: 10000, tls: { servername: host }, lazyConnect: true });
   * auth.attachIoredis(client);
   * await client.set('hello', 'world');
   * ```
   * @throws AppError `options-invalid` for what is no ioredis client, or connects already; `stopped` after `close()`.
   */
  attachIoredis(client: Ioredis): () => void;
  /**
   * How tokens and connections are, at once.
   *
   * @example
   * ```ts
   * const { connections, token } = auth.status();
   * console.log(`${connections} connections, token for another ${(token.timeLeftMs ?? 0) / 1000} s`);
   * ```
   */
  status(): RedisAuthStatus;
  /**
   * Listens to one type of event of these logins; returns how to stop. What `listener` throws is ignored.
   *
   * @example
   * ```ts
   * auth.onEvent('tokenRenewalFailed', ({ reason, timeLeftMs }) => console.warn(reason, timeLeftMs));
   * ```
   */
  onEvent<T extends RedisEvent['type']>(
    type: T,
    listener: (event: Extract<RedisEvent, { type: T }>) => void,
  ): () => void;
  /** Stops renewing. Live connections last until their token ends, and new ones are refused: close the clients first. */
  close(): void;
}

const tokenWaitMs = 30_000;

/**
 * Logins for Redis clients of your own: asks for the first token at once, and renews it in time from then on.
 *
 * @example
 * ```ts
 * import { ManagedIdentityCredential } from '@azure/identity';
 * import { createRedisAuth } from 'redis-entra-functions/redis';
 *
 * export const auth = createRedisAuth({ credential: new ManagedIdentityCredential() });
 * ```
 * @throws AppError `options-invalid`: names every option that is missing, wrong or unknown.
 */
export function createRedisAuth(options: IdentityOptions): RedisAuth {
  checkOptions('createRedisAuth', options, identityRules);
  const { credential, scope = defaultScope, username } = options;
  const events = new EventHub(emit);
  const common = { clock, random: Math.random, emit: events.emit };
  const source = createTokenSource({ credential, scope, oidRequired: username === undefined, clock });
  const keeper = new TokenKeeper({ source, ...common });
  const attachments = new Attachments({ keeper, username, ...common });
  keeper.start();

  const checkOpen = (): void => {
    if (attachments.isStopped) throw new AppError('stopped', 'These logins have been closed.');
  };
  const close = (): void => {
    attachments.stop();
    keeper.stop();
  };
  return {
    credentialsProvider: {
      type: 'async-credentials-provider',
      async credentials() {
        const token = await keptAlive(attachments.token(tokenWaitMs));
        return { username: attachments.usernameOf(token), password: token.reveal() };
      },
    },
    attach(client) {
      checkOpen();
      const detach = attachNodeRedis(client, attachments);
      if (detach === undefined) throw unexpected('attach', 'a client, cluster or pool of node-redis');
      return detach;
    },
    attachIoredis(client) {
      checkOpen();
      const { status, isCluster } = (client ?? {}) as Partial<Ioredis>;
      if (typeof status !== 'string' || typeof isCluster !== 'boolean')
        throw unexpected('attachIoredis', 'a client of ioredis, Redis or Cluster');
      return attachIoredis(client, attachments);
    },
    status: () => ({ token: keeper.status(), ...attachments.status }),
    onEvent: (type, listener) => events.on(type, listener),
    close,
    [Symbol.dispose]: close,
  };
}

function unexpected(method: string, expected: string): AppError {
  return new AppError('options-invalid', `RedisAuth.${method}: expected ${expected}.`);
}
