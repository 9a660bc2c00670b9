import { describe, expect, it } from 'vitest';
import type { Report } from '../../../src/fleet/messages.ts';
import { RedisRegistry } from '../../../src/fleet/redis-registry.ts';
import { AppError } from '../../../src/util/errors.ts';
import { measuresReport } from '../../support/measures-report.ts';
import { recordedRedis } from '../../support/recorded-redis.ts';

const report: Report = {
  id: 'me',
  startedAtMs: 2,
  version: '0',
  region: null,
  host: null,
  tokenExpiresAtMs: null,
  tokenLeftMs: null,
  lastRotationAtMs: null,
  connections: 1,
  rotated: false,
  failure: null,
  reauthenticated: 0,
  reauthenticationsFailed: 0,
  reads: 0,
};
const none = measuresReport();
const written = JSON.stringify(report);
const record = {
  id: 'a',
  atMs: 1,
  nextAtMs: null,
  expected: 1,
  answered: 1,
  rotated: 0,
  failed: 0,
  silent: [],
  shortestTimeLeftMs: null,
};
const refused = async (): Promise<never> => {
  throw new AppError('command-failed', 'NOPERM');
};
const broken = async (): Promise<never> => {
  throw new TypeError('a bug');
};

describe('what is read', () => {
  it('is without what is no entry and no record', async () => {
    const redis = recordedRedis({
      time: async () => ['1700000000', '123456'],
      hVals: async () => [
        `answered 7 ${written}`,
        `silent 8 ${JSON.stringify({ ...report, id: 'other', startedAtMs: 1 })}`,
        'answered',
        `gone 1 ${written}`,
        `answered 1 {}`,
        `answered ${'9'.repeat(30)} ${written}`,
      ],
      lRange: async () => ['{', JSON.stringify(record), 'null'],
    });
    expect(await new RedisRegistry(redis, 'ref').read(1)).toEqual({
      nowMs: 1_700_000_000_123,
      entries: [
        { status: 'silent', seenAtMs: 8, report: { ...report, id: 'other', startedAtMs: 1 } },
        { status: 'answered', seenAtMs: 7, report },
      ],
      rollCalls: [record],
    });
  });
});

describe('a report', () => {
  const send = async (publish: () => Promise<unknown>, evaluate: () => Promise<unknown>): Promise<boolean> =>
    new RedisRegistry(recordedRedis({ publish, eval: evaluate }), 'ref').report(report, none, ['a'], 1);
  const accepted = async (): Promise<number> => 1;

  it.each([
    ['stored and published', true, accepted, accepted],
    ['published only', false, accepted, refused],
    ['stored only', true, refused, accepted],
  ])('may be %s', async (_what, isStored, publish, evaluate) => {
    expect(await send(publish, evaluate)).toBe(isStored);
  });

  it('fails where it is neither', async () => {
    await expect(send(refused, refused)).rejects.toMatchObject({ code: 'command-failed' });
  });

  it('hides no bug', async () => {
    await expect(send(accepted, broken)).rejects.toThrow('a bug');
    await expect(send(refused, broken)).rejects.toThrow('a bug');
  });
});

describe('the fleet of a namespace', () => {
  it('has its own keys and channels, all in one slot of a cluster, that no client can name', async () => {
    const used: unknown[] = [];
    const redis = recordedRedis({
      publish: async (channel: string) => used.push(channel),
      eval: async (_script: string, { keys }: { keys: string[] }) => used.push(...keys),
      hDel: async (key: string) => used.push(key),
    });
    const registry = new RedisRegistry(redis, 'ref');
    const subscription = registry.onAnnouncement(() => {});
    registry.onReport('a', () => {});
    await subscription.ready(1);
    await registry.announce({ id: 'a', spreadMs: 1 }, 1);
    await registry.report(report, none, ['a'], 1);
    await registry.remove('me', none, 1);
    await registry.recordRollCall(record, [], 1);
    const names = [...used, ...redis.channels.keys(), ...redis.calls.map(({ key }) => key)].map(String);
    for (const name of names) expect(name.startsWith('ref:\u001F{fleet}')).toBe(true);
    expect(new Set(names).size).toBe(7);
    subscription.stop();
    expect([...redis.channels.keys()]).toEqual(['ref:\u001F{fleet}:reports:a']);
  });

  it('listens to messages that are ones', () => {
    const redis = recordedRedis({});
    const heard: string[] = [];
    new RedisRegistry(redis, 'ref').onAnnouncement(({ id }) => heard.push(id));
    const say = redis.channels.get('ref:\u001F{fleet}:announcements');
    say?.('{');
    say?.('{"id":"a","spreadMs":1}');
    expect(heard).toEqual(['a']);
  });
});
