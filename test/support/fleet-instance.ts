// One instance of the app without a host: client, registry, member and roll call.

import { systemClock, type Clock } from '../../src/util/clock.ts';
import { FleetMember } from '../../src/fleet/member.ts';
import { RollCall } from '../../src/fleet/roll-call.ts';
import { RedisRegistry } from '../../src/fleet/redis-registry.ts';
import { Measures } from '../../src/telemetry/measures.ts';
import {
  startSharedClient,
  type CacheOfStack,
  type SharedClient,
  type SharedClientOptions,
} from './shared-client.ts';

export interface FleetInstance extends SharedClient {
  readonly id: string;
  readonly registry: RedisRegistry;
  readonly member: FleetMember;
  readonly rollCall: RollCall;
}

/** A clock that tells the time and never rings: what it is given to does nothing by itself. */
export const silentClock: Clock = {
  nowMs: () => Date.now(),
  wallMs: () => Date.now(),
  after: () => () => {},
};

export interface FleetInstanceOptions extends Pick<SharedClientOptions, 'keeperClock' | 'listener'> {
  readonly namespace?: string;
  readonly spreadMs?: number;
  readonly graceMs?: number;
}

export function startFleetInstance(
  stack: CacheOfStack,
  id: string,
  options: FleetInstanceOptions = {},
): FleetInstance {
  const client = startSharedClient(stack, options);
  const { keeper, redis } = client;
  const registry = new RedisRegistry(redis, options.namespace ?? 'ref');
  const member = new FleetMember({
    identity: { id, startedAtMs: Date.now(), version: '0.0.0', region: null, host: null },
    registry,
    redis,
    keeper,
    clock: systemClock,
    emit: client.emit,
    random: Math.random,
    readCount: () => 0,
    measures: new Measures(),
    memory: () => null,
  });
  // A roll call is over when all have answered: the limit is for who never does.
  const { spreadMs = 2000, graceMs = 20_000 } = options;
  const rollCall = new RollCall({ registry, clock: systemClock, emit: () => {}, spreadMs, graceMs });
  return {
    ...client,
    id,
    registry,
    member,
    rollCall,
    async [Symbol.asyncDispose]() {
      await member.leave();
      await client[Symbol.asyncDispose]();
    },
  };
}
