// The timer reaches every instance: roll calls over connections of their own, with real Redis and tokens.

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { HttpRequest, InvocationContext, type HttpResponseInit } from '@azure/functions';
import { ownName } from '../../src/redis/own-name.ts';
import { dueAtMs } from '../../src/auth/refresh-policy.ts';
import { ByteBudget } from '../../src/util/byte-budget.ts';
import { systemClock } from '../../src/util/clock.ts';
import type { AppIdentity } from '../../src/fleet/app-identity.ts';
import { Neighbours } from '../../src/fleet/neighbours.ts';
import { RedisRegistry } from '../../src/fleet/redis-registry.ts';
import { fleet as fleetHandler } from '../../src/functions/fleet.ts';
import type { AppEvent, CacheShared } from '../../src/telemetry/events.ts';
import { startStack, type AnyStack } from '../../local/stack.ts';
import type { CacheKind } from '../support/caches.ts';
import type { RedisCluster } from '../../local/redis-cluster/cluster.ts';
import { systemAssigned } from '../../local/token-issuer.ts';
import type { ConnectionRecord } from '../../local/entra-front/front.ts';
import {
  silentClock,
  startFleetInstance,
  type FleetInstance,
  type FleetInstanceOptions,
} from '../support/fleet-instance.ts';
import { eventually, sleep } from '../support/eventually.ts';
import { adoptStack, startSharedClient, type SharedClient } from '../support/shared-client.ts';
import { registryContract } from './registry.ts';
import { failed, steadyReads, type SteadyReads } from '../support/steady-reads.ts';

const spreadMs = 2000;
const user = systemAssigned.objectId;

let stack: AnyStack;
let fleets = 0;
const stops: (() => Promise<unknown>)[] = [];

const sleepUntil = (atMs: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, Math.max(atMs - Date.now(), 0));
  });

interface Fleet {
  readonly namespace: string;
  readonly fleet: readonly FleetInstance[];
  readonly last: FleetInstance;
  /** The live ones of this fleet. */
  readonly connections: () => readonly ConnectionRecord[];
}

/** A fleet with a registry of its own. */
async function startFleet(
  size: number,
  options: FleetInstanceOptions & { readonly tokenLifetimeMs?: number } = {},
): Promise<Fleet> {
  const namespace = `fleet${(fleets += 1)}`;
  stack.identity.setTokenLifetimeMs(options.tokenLifetimeMs ?? 20_000);
  stack.identity.forget();
  const connectionsBefore = stack.front.stats.connectionsAccepted;
  const ids = Array.from({ length: size }, (_, index) => `member-${index + 1}`);
  const fleet = ids.map((id) => startFleetInstance(stack, id, { ...options, namespace }));
  stops.push(() => Promise.all(fleet.map(async (one) => one[Symbol.asyncDispose]())));
  const last = fleet.at(-1) ?? expect.unreachable();
  await eventually(async () => {
    expect((await last.registry.read(Date.now() + 1000)).entries).toHaveLength(size);
  });
  const connections = (): readonly ConnectionRecord[] =>
    stack.front.connections.filter(
      ({ id, closedAtMs }) => id > connectionsBefore && closedAtMs === undefined,
    );
  return { namespace, fleet, last, connections };
}

/** 20 reads a second on each instance. */
function readOnAll(fleet: readonly FleetInstance[]): SteadyReads[] {
  return fleet.map(({ redis }) => {
    const read = async (): Promise<number> => {
      await redis.run((client) => client.get('any'), {
        key: 'any',
        deadlineAtMs: Date.now() + 2000,
        idempotent: true,
      });
      return 200;
    };
    return steadyReads(read, { perSecond: 20, limitMs: 120_000 });
  });
}

function authsByConnection({ connections }: Fleet): number[] {
  return connections().map(({ auths }) => auths.filter(({ command }) => command === 'AUTH').length);
}

/** On every server of the cache. */
async function onAll(...command: string[]): Promise<void> {
  const servers = 'nodes' in stack.redis ? (stack.redis as RedisCluster).nodes : [stack.redis];
  for (const server of servers) await server.admin(...command);
}

async function evalCalls(): Promise<number> {
  const info = String(await stack.redis.admin('INFO', 'commandstats'));
  return Number(/cmdstat_eval:calls=(?<calls>\d+)/u.exec(info)?.groups?.['calls'] ?? 0);
}

export function fleetSuite({ cluster, connections }: CacheKind): void {
  // One stack for all: MSAL remembers the identity endpoint for as long as the process lives.
  beforeAll(async () => {
    stack = await startStack({ storage: false, cluster });
    adoptStack(stack);
  });
  afterEach(async () => {
    for (const stop of stops.splice(0).toReversed()) await stop();
    stack.identity.setBehaviour('normal');
    stack.front.setBehaviour('normal');
  });
  afterAll(async () => stack?.stop());

  describe('the registry', () => {
    let clients: readonly SharedClient[] = [];
    beforeAll(() => {
      // MSAL would hand a token with more than 5 minutes left to every client of this process from now on.
      stack.identity.setTokenLifetimeMs(20_000);
      clients = [startSharedClient(stack), startSharedClient(stack)];
      // Keeps the connections for subscriptions open between tests.
      for (const { redis } of clients) redis.subscribe('any', () => {});
    });
    afterAll(async () => {
      for (const client of clients) await client[Symbol.asyncDispose]();
    });

    registryContract(async () => {
      const namespace = `registry${(fleets += 1)}`;
      const name = (part: string): string => ownName(namespace, `{fleet}:${part}`);
      const [one, other] = clients.map(({ redis }) => new RedisRegistry(redis, namespace));
      return {
        registries: [one ?? expect.unreachable(), other ?? expect.unreachable()],
        nowMs: () => systemClock.nowMs(),
        publish: async (channel, message) => stack.redis.admin('PUBLISH', name(channel), message),
        put: async ({ report, status, seenAtMs }) => {
          const field = `${status} ${seenAtMs} ${JSON.stringify(report)}`;
          await stack.redis.admin('HSET', name('roster'), report.id, field);
        },
        async refuse(what) {
          await onAll('ACL', 'SETUSER', user, '-eval', ...(what === 'writes' ? [] : ['-publish']));
          const accept = async (): Promise<void> => onAll('ACL', 'SETUSER', user, '+@all');
          stops.push(accept);
          return accept;
        },
      };
    });
  });

  describe('a fleet whose instances do not renew themselves', () => {
    it('lives by the ticks on its last instance alone, for a minute', { timeout: 120_000 }, async () => {
      const started = await startFleet(4, { keeperClock: silentClock });
      const { fleet, last } = started;
      const reads = readOnAll(fleet);
      const startedAtMs = Date.now();
      let rotations = 0;
      while (Date.now() - startedAtMs < 60_000) {
        const dueMs = Math.max(
          ...fleet.map(({ keeper }) => dueAtMs(keeper.current() ?? expect.unreachable())),
        );
        // A tick well before: all report, nobody has anything to do.
        await sleepUntil(dueMs - spreadMs - 2000);
        expect(await last.rollCall.call(null)).toMatchObject({
          expected: 4,
          answered: 4,
          rotated: 0,
          failed: 0,
          silent: [],
        });
        await sleepUntil(dueMs + 200);
        const tickAtMs = Date.now();
        const outcome = await last.rollCall.call(null);
        expect(outcome).toMatchObject({ expected: 4, answered: 4, rotated: 4, failed: 0, silent: [] });
        expect(outcome.shortestTimeLeftMs).toBeGreaterThan(15_000);
        expect(Date.now() - tickAtMs).toBeLessThan(spreadMs + 1000);
        rotations += 1;
        expect(authsByConnection(started)).toEqual(Array.from({ length: 4 * connections }, () => rotations));
      }
      expect(rotations).toBeGreaterThanOrEqual(4);
      for (const one of reads) expect(failed(await one.stop())).toEqual([]);
      expect(started.connections()).toHaveLength(4 * connections);
    });
  });

  describe('a fleet whose instances renew themselves', () => {
    it('reports 4 of 4, and the roll call adds no AUTH', { timeout: 60_000 }, async () => {
      const started = await startFleet(4, { tokenLifetimeMs: 6000 });
      const { fleet, last } = started;
      const reads = readOnAll(fleet);
      for (let ticks = 0; ticks < 4; ticks += 1) {
        expect(await last.rollCall.call(null)).toMatchObject({
          expected: 4,
          answered: 4,
          failed: 0,
          silent: [],
        });
      }
      for (const one of reads) expect(failed(await one.stop())).toEqual([]);
      for (const { auths } of started.connections()) {
        expect(new Set(auths.map(({ tokenExpiresAtMs }) => tokenExpiresAtMs)).size).toBe(auths.length);
      }
    });

    it('says who failed to renew, and goes on', { timeout: 60_000 }, async () => {
      const { last } = await startFleet(2, {
        keeperClock: silentClock,
        tokenLifetimeMs: 12_000,
        spreadMs: 200,
      });
      stack.identity.setBehaviour('fail');
      await sleepUntil(dueAtMs(last.keeper.current() ?? expect.unreachable()) + 200);
      const outcome = await last.rollCall.call(null);
      expect(outcome).toMatchObject({ expected: 2, answered: 2, rotated: 0, failed: 2, silent: [] });
      expect(outcome.failing.toSorted()).toEqual(['member-1', 'member-2']);
    });
  });

  describe('an instance that cannot finish in time', () => {
    it('is named as failing while the identity endpoint hangs', { timeout: 60_000 }, async () => {
      const { last } = await startFleet(2, {
        keeperClock: silentClock,
        tokenLifetimeMs: 12_000,
        spreadMs: 200,
      });
      stack.identity.setBehaviour('hang');
      await sleepUntil(dueAtMs(last.keeper.current() ?? expect.unreachable()) + 200);
      const outcome = await last.rollCall.call(null);
      expect(outcome).toMatchObject({ expected: 2, answered: 2, rotated: 0, failed: 2, silent: [] });
      const seen = await last.registry.read(Date.now() + 1000);
      for (const { report } of seen.entries) expect(report.failure).toContain('renewal has not ended');
    });

    it('is named as failing while its AUTH is refused', { timeout: 60_000 }, async () => {
      const { last } = await startFleet(2, {
        keeperClock: silentClock,
        tokenLifetimeMs: 20_000,
        spreadMs: 200,
      });
      stack.front.setBehaviour('refuse-auth');
      await sleepUntil(dueAtMs(last.keeper.current() ?? expect.unreachable()) + 200);
      const outcome = await last.rollCall.call(null);
      expect(outcome).toMatchObject({ expected: 2, answered: 2, rotated: 2, failed: 2, silent: [] });
      const seen = await last.registry.read(Date.now() + 1000);
      for (const { report } of seen.entries) {
        expect(report.failure).toContain('not authenticated');
        expect(report.reauthenticationsFailed).toBeGreaterThan(0);
      }
    });
  });

  describe('a Redis that refuses', () => {
    const typesOf = ({ events }: FleetInstance, cause: string): string[] =>
      events.flatMap((event) => ('cause' in event && event.cause === cause ? [event.type] : []));

    it('to run scripts: the roll call reaches everybody, says that nothing was written, and it is told', async () => {
      const { fleet, last } = await startFleet(3, { spreadMs: 100 });
      await onAll('ACL', 'SETUSER', user, '-eval');
      stops.push(async () => onAll('ACL', 'SETUSER', user, '+@all'));
      for (let calls = 0; calls < 2; calls += 1) {
        const outcome = await last.rollCall.call(null);
        expect(outcome).toMatchObject({ expected: 3, answered: 3, failed: 0, silent: [] });
        expect(outcome.unrecorded).toContain('NOPERM');
      }
      for (const one of fleet) expect(typesOf(one, 'no-permission')).toEqual(['commandRefused']);
      await onAll('ACL', 'SETUSER', user, '+@all');
      expect(await last.rollCall.call(null)).toMatchObject({ answered: 3, silent: [], unrecorded: null });
      await eventually(() => {
        for (const one of fleet) expect(typesOf(one, 'no-permission').at(-1)).toBe('commandAccepted');
      });
    });

    it('the registry itself: the roll is called all the same, and counts who hears it', async () => {
      const { namespace, last } = await startFleet(2, { spreadMs: 100 });
      await onAll('ACL', 'SETUSER', user, 'resetkeys', '~other:*');
      stops.push(async () => onAll('ACL', 'SETUSER', user, '~*'));
      const outcome = await last.rollCall.call(null);
      expect(outcome).toMatchObject({ expected: 2, answered: 2, silent: [] });
      expect(outcome.unrecorded).toContain('NOPERM');
      await onAll('ACL', 'SETUSER', user, '~*');
      expect(await stack.redis.admin('LLEN', ownName(namespace, '{fleet}:roll-calls'))).toBe(0);
    });

    it('to write, for want of memory: it is told once, and reads and announcements go on', async () => {
      const { fleet, last } = await startFleet(2, { spreadMs: 100 });
      await onAll('CONFIG', 'SET', 'maxmemory', '1');
      stops.push(async () => onAll('CONFIG', 'SET', 'maxmemory', '0'));
      const outcome = await last.rollCall.call(null);
      expect(outcome).toMatchObject({ expected: 2, answered: 2, silent: [] });
      expect(outcome.unrecorded).toContain('OOM');
      for (const one of fleet) expect(typesOf(one, 'out-of-memory')).toEqual(['commandRefused']);
      await onAll('CONFIG', 'SET', 'maxmemory', '0');
      expect(await last.rollCall.call(null)).toMatchObject({ answered: 2, silent: [], unrecorded: null });
      await eventually(() => {
        for (const one of fleet) expect(typesOf(one, 'out-of-memory').at(-1)).toBe('commandAccepted');
      });
    });

    it('the announcement: nobody was called, and that is an error', async () => {
      const { last } = await startFleet(1, { spreadMs: 100 });
      await onAll('ACL', 'SETUSER', user, '-publish');
      stops.push(async () => onAll('ACL', 'SETUSER', user, '+@all'));
      await expect(last.rollCall.call(null)).rejects.toMatchObject({ code: 'command-failed' });
    });
  });

  describe('apps that share a cache', () => {
    const key = ownName('redis-entra-functions', 'apps');
    /** Starts an app, and what it is warned of. */
    async function startApp(app: AppIdentity): Promise<readonly CacheShared[]> {
      const client = startSharedClient(stack);
      const heard: CacheShared[] = [];
      const emit = (event: AppEvent): void => {
        if (event.type === 'cacheShared') heard.push(event);
      };
      const neighbours = new Neighbours({
        app,
        redis: client.redis,
        clock: systemClock,
        emit,
        random: () => 0,
      });
      stops.push(async () => client[Symbol.asyncDispose]());
      await eventually(async () => {
        const entered = String(await stack.redis.admin('HVALS', key));
        expect(entered).toContain(JSON.stringify(app));
      });
      neighbours.stop();
      return heard;
    }

    it('are warned of each other where their keys can meet, each other one once', async () => {
      stops.push(async () => stack.redis.admin('DEL', key));
      await stack.redis.admin('HSET', key, 'long gone', `1 {"namespace":"a","keyPrefix":""}`);
      await stack.redis.admin('HSET', key, 'odd', `${Date.now()} {`);
      const shop = { site: 'shop', namespace: 'shop', keyPrefix: '' };
      expect(await startApp(shop)).toEqual([]);
      expect(await startApp(shop)).toEqual([]);
      const news = await startApp({ site: 'news', namespace: 'news', keyPrefix: 'news:' });
      await eventually(() => expect(news).toMatchObject([{ app: 'shop' }]));
      expect(news[0]?.reason).toContain('CACHE_KEY_PREFIX is "news:" here and empty there');
      expect(await stack.redis.admin('HEXISTS', key, 'long gone')).toBe(0);
      expect(Number(await stack.redis.admin('PTTL', key))).toBeGreaterThan(0);
    });

    it('are not warned where nothing meets', async () => {
      stops.push(async () => stack.redis.admin('DEL', key));
      await startApp({ site: 'shop', namespace: 'shop', keyPrefix: 'shop:' });
      const news = await startApp({ site: 'news', namespace: 'news', keyPrefix: 'news:' });
      await sleep(200);
      expect(news).toEqual([]);
    });
  });

  describe('trouble', () => {
    it('an odd record hides nothing else: the fleet is shown without it', async () => {
      const { namespace, last } = await startFleet(1, { spreadMs: 100 });
      await last.rollCall.call(null);
      const { entries, rollCalls } = await last.registry.read(Date.now() + 1000);
      const [instances, calls] = [
        ownName(namespace, '{fleet}:roster'),
        ownName(namespace, '{fleet}:roll-calls'),
      ];
      for (const key of [instances, calls])
        expect(Number(await stack.redis.admin('PTTL', key))).toBeGreaterThan(0);
      const odd = { ...entries[0]?.report, id: 'odd' };
      const reports = [
        `answered 1 ${JSON.stringify({ ...odd, startedAtMs: 1e300 })}`,
        `answered 1 ${JSON.stringify({ ...odd, lastRotationAtMs: -9e15 })}`,
        `answered ${'9'.repeat(30)} ${JSON.stringify(odd)}`,
        'answered',
      ];
      for (const [index, report] of reports.entries())
        await stack.redis.admin('HSET', instances, `odd-${index}`, report);
      const records = ['null', '{"id":"x"}', '{', JSON.stringify({ ...rollCalls[0], nextAtMs: 1e300 })];
      for (const record of records) await stack.redis.admin('LPUSH', calls, record);
      const show = fleetHandler({
        registry: last.registry,
        clock: systemClock,
        schedule: '0 * * * * *',
        requestBudgetMs: 2000,
        budget: new ByteBudget(2 ** 25),
      });
      const request = new HttpRequest({ method: 'GET', url: 'http://localhost/api/fleet' });
      const response: HttpResponseInit = await show(request, new InvocationContext());
      expect(response).toMatchObject({ status: 200 });
      const shown = (await new Response(response.body as string).json()) as Record<string, unknown>;
      expect(shown['instances']).toMatchObject([{ id: last.id }]);
      expect(shown['rollCalls']).toMatchObject([{ id: rollCalls[0]?.id }]);
    });

    it('malformed and forged announcements, a thousand in a second, make nobody ask more than the floor allows', async () => {
      const { namespace, fleet, last } = await startFleet(2, { spreadMs: 100 });
      const channel = ownName(namespace, '{fleet}:announcements');
      const callsBefore = stack.identity.calls.length;
      const reportsBefore = await evalCalls();
      const startedAtMs = Date.now();
      const malformed = [
        '',
        '{',
        'null',
        '[]',
        '{"id":1}',
        '{"id":"x","spreadMs":-1}',
        '{"id":"x","spreadMs":1e9}',
        'x'.repeat(100_000),
      ];
      for (const message of malformed) await stack.redis.admin('PUBLISH', channel, message);
      await Promise.all(
        Array.from({ length: 1000 }, async (_, index) =>
          stack.redis.admin('PUBLISH', channel, JSON.stringify({ id: `forged-${index}`, spreadMs: 0 })),
        ),
      );
      await new Promise((resolve) => {
        setTimeout(resolve, 2500);
      });
      // Once a second at most, each instance checked itself and reported; none was due.
      const seconds = (Date.now() - startedAtMs) / 1000;
      expect((await evalCalls()) - reportsBefore).toBeLessThanOrEqual(fleet.length * (seconds + 1));
      expect(stack.identity.calls.length).toBe(callsBefore);
      expect(await last.rollCall.call(null)).toMatchObject({ expected: 2, answered: 2, silent: [] });
    });

    it(
      'a roll call while Redis restarts fails alone: the next one hears everybody',
      { timeout: 60_000 },
      async () => {
        const { fleet, last } = await startFleet(3, { spreadMs: 100, graceMs: 1000 });
        const during = last.rollCall.call(null).then(
          () => 'done',
          () => 'failed',
        );
        await stack.redis.kill();
        await stack.redis.restart();
        expect(['done', 'failed']).toContain(await during);
        await eventually(() => {
          for (const { redis } of fleet) expect(redis.status().state).toBe('ready');
        });
        // The registry is gone; who answers enters it again.
        await eventually(
          async () => expect(await last.rollCall.call(null)).toMatchObject({ answered: 3, silent: [] }),
          10_000,
        );
        expect(await last.rollCall.call(null)).toMatchObject({ expected: 3, answered: 3 });
      },
    );
  });
}
