// The app's own token keeper and Redis client over a local stack, without a host.

import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { createCredential } from '../../src/auth/credential.ts';
import { TokenKeeper } from '../../src/auth/token-keeper.ts';
import { createTokenSource } from '../../src/auth/token-source.ts';
import { systemClock, type Clock } from '../../src/util/clock.ts';
import { createRedis, type ConnectionLimits } from '../../src/redis/create.ts';
import type { Redis } from '../../src/redis/redis.ts';
import { readSettings } from '../../src/config/settings.ts';
import type { AppEvent, Emit } from '../../src/telemetry/events.ts';
import type { AnyStack, StackCredential } from '../../local/stack.ts';
import { caches } from './caches.ts';
import { eventually } from './eventually.ts';
import { adoptIdentity } from './managed-identity.ts';

export interface SharedClient extends AsyncDisposable {
  readonly keeper: TokenKeeper;
  readonly redis: Redis;
  readonly events: readonly AppEvent[];
  readonly emit: Emit;
  /** Resolves when the client is connected to every node that it connects to. */
  connected(): Promise<void>;
}

/** Lets this process trust the stack and find its identity endpoint, as NODE_EXTRA_CA_CERTS would. */
export function adoptStack(stack: AnyStack): void {
  setDefaultCACertificates([...getCACertificates(), stack.certificates.caPem]);
  adoptIdentity(stack.identity);
}

export interface SharedClientOptions {
  readonly credential?: StackCredential;
  readonly connection?: ConnectionLimits;
  /** For a keeper that must not renew by itself: one whose timers never fire. */
  readonly keeperClock?: Clock;
  /** Hears every event at once. */
  readonly listener?: Emit;
  /** Another way to the cache. */
  readonly port?: number;
}

/** What a client needs of a stack. */
export type CacheOfStack = Pick<AnyStack, 'settingsFor'>;

export function startSharedClient(stack: CacheOfStack, options: SharedClientOptions = {}): SharedClient {
  const given = stack.settingsFor(options.credential ?? 'managed-identity');
  const settings = readSettings({ ...given, REDIS_PORT: `${options.port ?? given['REDIS_PORT']}` });
  const events: AppEvent[] = [];
  let instances = 1;
  const parts = {
    clock: systemClock,
    random: Math.random,
    emit: (event: AppEvent) => {
      events.push(event);
      if (event.type === 'rollCallHeard') instances = event.expected;
      options.listener?.(event);
    },
  };
  const source = createTokenSource({
    credential: createCredential(settings.credential),
    scope: settings.entraScope,
    oidRequired: true,
    clock: systemClock,
  });
  const keeper = new TokenKeeper({ source, ...parts, clock: options.keeperClock ?? systemClock });
  const redis = createRedis(
    settings.redis,
    { keeper, failFastAfterMs: settings.requestBudgetMs, instances: () => instances, ...parts },
    options.connection,
  );
  keeper.start();
  redis.start();
  return {
    keeper,
    redis,
    events,
    emit: parts.emit,
    async connected() {
      const nodes = settings.redis.clusteringPolicy === 'OSSCluster' ? caches.cluster.nodes : 1;
      // Each attempt ends with what the client has for one; on a busy machine that may be another.
      await eventually(() => redis.ping(systemClock.nowMs() + 10_000));
      await eventually(() => {
        if (redis.status().connections < nodes) throw new Error('Not connected to all nodes yet.');
      });
    },
    async [Symbol.asyncDispose]() {
      await redis.close();
      keeper.stop();
    },
  };
}
