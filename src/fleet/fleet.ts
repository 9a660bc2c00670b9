// The fleet as one part: this instance enters it, answers and calls its roll calls, and looks for other apps.

import type { TokenKeeper } from '../auth/token-keeper.ts';
import type { Clock } from '../util/clock.ts';
import type { Redis } from '../redis/redis.ts';
import type { Emit } from '../telemetry/events.ts';
import type { AppIdentity } from './app-identity.ts';
import type { CountedSoFar } from './counted.ts';
import type { MemoryUse } from './instance-measures.ts';
import { FleetMember } from './member.ts';
import type { InstanceIdentity } from './messages.ts';
import { Neighbours } from './neighbours.ts';
import { RedisRegistry } from './redis-registry.ts';
import type { Registry } from './registry.ts';
import { RollCall } from './roll-call.ts';

export interface FleetOptions {
  readonly redis: Pick<Redis, 'run' | 'subscribe' | 'listening' | 'settled' | 'status'>;
  readonly keeper: Pick<TokenKeeper, 'renewIfDue' | 'status'>;
  readonly clock: Clock;
  /** A number in [0, 1). */
  readonly random: () => number;
  readonly emit: Emit;
  /** Instances of one namespace are one fleet. */
  readonly namespace: string;
  /** Undefined as long as the app has no cache that another's could overlap with. */
  readonly app: () => AppIdentity | undefined;
  readonly instance: InstanceIdentity;
  /** Keys read over HTTP since the start. */
  readonly readCount: () => number;
  /** Of the client and its caches. */
  readonly measures: CountedSoFar;
  /** What its caches keep in memory; null where they keep nothing. */
  readonly memory: () => MemoryUse | null;
}

export interface Fleet {
  readonly registry: Registry;
  readonly rollCall: RollCall;
  /** Leaves the fleet. Never rejects. */
  stop(): Promise<void>;
}

/** Waits for nothing: the instance enters the fleet when it is connected. */
export function startFleet({ namespace, app, instance, ...options }: FleetOptions): Fleet {
  const registry = new RedisRegistry(options.redis, namespace);
  const member = new FleetMember({ ...options, registry, identity: instance });
  const neighbours = new Neighbours({ ...options, app });
  return {
    registry,
    rollCall: new RollCall({ ...options, registry }),
    async stop() {
      neighbours.stop();
      await member.leave();
    },
  };
}
