import { expect, it } from 'vitest';
import { startFleet } from '../../../src/fleet/fleet.ts';
import { Measures } from '../../../src/telemetry/measures.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { recordedRedis } from '../../support/recorded-redis.ts';

it('enters the fleet and the list of apps, and leaves it when it stops', async () => {
  const clock = new FakeClock();
  const commands: string[] = [];
  const redis = recordedRedis({
    eval: async (_script: string, { keys, arguments: [name] }: { keys: string[]; arguments: string[] }) =>
      commands.push(`EVAL ${keys[0]} ${name}`),
    hDel: async (key: string, id: string) => commands.push(`HDEL ${key} ${id}`),
  });
  const status = () => ({
    state: 'ready' as const,
    connections: 1,
    lastFailure: undefined,
    reauthenticated: 0,
    reauthenticationsFailed: 0,
  });
  const fleet = startFleet({
    redis: { ...redis, settled: async () => {}, status },
    keeper: {
      renewIfDue: async () => ({ kind: 'not-due' }),
      status: () => ({
        state: 'seeking',
        expiresAtMs: undefined,
        timeLeftMs: undefined,
        lastRotationAtMs: undefined,
        rotations: 0,
        requests: 0,
        lastFailure: undefined,
      }),
    },
    clock,
    random: () => 0,
    emit: () => {},
    namespace: 'ref',
    app: () => ({ site: 'shop', namespace: 'ref', keyPrefix: '' }),
    instance: { id: 'me', startedAtMs: 0, version: '0', region: null, host: null },
    readCount: () => 0,
    measures: new Measures(),
    memory: () => null,
  });
  await clock.advance(0);
  const list = 'redis-entra-functions:\u001Fapps';
  expect(commands).toEqual(['EVAL ref:\u001F{fleet}:roster me', `EVAL ${list} shop`]);
  expect(redis.channels.size).toBe(1);
  await fleet.stop();
  expect(commands.slice(2)).toEqual(['EVAL ref:\u001F{fleet}:roster me', 'HDEL ref:\u001F{fleet}:roster me']);
  expect(redis.channels.size).toBe(0);
  expect(clock.pendingTimers).toBe(0);
});
