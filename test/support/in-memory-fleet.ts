// Members of a fleet on a registry in memory: what each of them sees of its token and its connections is scripted.

import type { Renewal } from '../../src/auth/keeper-transitions.ts';
import type { MemoryUse } from '../../src/fleet/instance-measures.ts';
import { FleetMember } from '../../src/fleet/member.ts';
import type { RedisStatus } from '../../src/redis/redis.ts';
import type { AppEvent } from '../../src/telemetry/events.ts';
import { Measures } from '../../src/telemetry/measures.ts';
import type { FakeClock } from './fake-clock.ts';
import type { InMemoryRegistry } from './in-memory-registry.ts';

/** What a member checks and reports of itself. */
export class ScriptedSelf {
  readonly events: AppEvent[] = [];
  renewal = (): Promise<Renewal> => Promise.resolve({ kind: 'not-due' });
  settled = (): Promise<void> => Promise.resolve();
  lastFailure: string | undefined;
  /** What of the spread it waits. */
  random = 0;
  reads = 0;
  measures = new Measures();
  memory: MemoryUse | null = null;
  redis: RedisStatus = {
    state: 'ready',
    connections: 2,
    lastFailure: undefined,
    reauthenticated: 0,
    reauthenticationsFailed: 0,
  };
}

export interface InMemoryMember {
  readonly member: FleetMember;
  readonly self: ScriptedSelf;
}

export function startInMemoryMember(
  registry: InMemoryRegistry,
  clock: FakeClock,
  id: string,
  script: Partial<ScriptedSelf> = {},
): InMemoryMember {
  const self = Object.assign(new ScriptedSelf(), script);
  const expiresAtMs = clock.wallMs() + 3_600_000;
  const endsAtMs = clock.nowMs() + 3_600_000;
  const member = new FleetMember({
    identity: { id, startedAtMs: clock.wallMs(), version: '0', region: null, host: null },
    registry,
    redis: { settled: () => self.settled(), status: () => self.redis },
    keeper: {
      renewIfDue: () => self.renewal(),
      status: () => ({
        state: 'holding',
        expiresAtMs,
        timeLeftMs: endsAtMs - clock.nowMs(),
        lastRotationAtMs: undefined,
        rotations: 0,
        requests: 1,
        lastFailure: self.lastFailure,
      }),
    },
    clock,
    emit: (event) => void self.events.push(event),
    random: () => self.random,
    readCount: () => self.reads,
    measures: self.measures,
    memory: () => self.memory,
  });
  return { member, self };
}

export const never = (): Promise<never> => new Promise(() => {});
