// One instance of the app without a host: client, roster, member and roll call.

import { systemClock, type Clock } from '../../src/util/clock.ts';
import { FleetMember } from '../../src/fleet/member.ts';
import { RollCall } from '../../src/fleet/roll-call.ts';
import { Roster } from '../../src/fleet/registry.ts';
import {
  startSharedClient,
  type CacheOfStack,
  type SharedClient,
  type SharedClientOptions,
} from './shared-client.ts';

export interface FleetInstance extends SharedClient {
  readonly id: string;
  readonly roster: Roster;
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
  const roster = new Roster(redis, options.namespace ?? 'ref');
  const member = new FleetMember({
    identity: { id, startedAtMs: Date.now(), version: '0.0.0', region: null, host: null },
    roster,
    redis,
    keeper,
    clock: systemClock,
    emit: client.emit,
    random: Math.random,
    readCount: () => 0,
  });
  const { spreadMs = 2000, graceMs = 3000 } = options;
  const rollCall = new RollCall({ roster, redis, clock: systemClock, emit: () => {}, spreadMs, graceMs });
  member.start();
  return {
    ...client,
    id,
    roster,
    member,
    rollCall,
    async [Symbol.asyncDispose]() {
      await member.leave();
      await client[Symbol.asyncDispose]();
    },
  };
}
