// Fleets for tests: instances in one process on one stack, each fleet with a registry of its own.

import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import type { ConnectionRecord } from '../../local/entra-front/front.ts';
import type { AnyStack } from '../../local/stack.ts';
import { serversOf, type CacheKind } from './caches.ts';
import { eventually } from './eventually.ts';
import { startFleetInstance, type FleetInstance, type FleetInstanceOptions } from './fleet-instance.ts';
import { adoptStack } from './shared-client.ts';
import { steadyReads, type SteadyReads } from './steady-reads.ts';
import { startControl, type Control } from './timing.ts';
import { startStack } from './stack.ts';

export interface Fleet {
  readonly namespace: string;
  readonly fleet: readonly FleetInstance[];
  readonly last: FleetInstance;
  /** The live ones of this fleet. */
  readonly connections: () => readonly ConnectionRecord[];
}

export interface Fleets {
  readonly stack: AnyStack;
  readonly cache: CacheKind;
  start(size: number, options?: FleetInstanceOptions & { readonly tokenLifetimeMs?: number }): Promise<Fleet>;
  /** Of this process, in which the instances and the parts that they talk to are. */
  readonly control: Control;
  /** Done after the test, the last first. */
  atEnd(stop: () => Promise<unknown>): void;
  /** Runs a command on every server of the cache. */
  onAll(...command: readonly string[]): Promise<void>;
  /** How many scripts the fleet has run in Redis. */
  evalCalls(): Promise<number>;
}

/** Call it where the tests are declared. One stack for all. */
export function fleetsOnOneStack(cache: CacheKind): Fleets {
  const shared: { stack?: AnyStack; control?: Control; fleets: number } = { fleets: 0 };
  const stops: (() => Promise<unknown>)[] = [];
  const stackOf = (): AnyStack => shared.stack ?? expect.unreachable('no stack');
  beforeAll(async () => {
    shared.stack = await startStack({ storage: false, cluster: cache.cluster });
    adoptStack(shared.stack);
    shared.control = startControl(async () => {});
  });
  afterEach(async () => {
    for (const stop of stops.splice(0).toReversed()) await stop();
    stackOf().identity.setBehaviour('normal');
    stackOf().front.setBehaviour('normal');
  });
  afterAll(async () => {
    shared.control?.[Symbol.dispose]();
    await shared.stack?.stop();
  });

  return {
    get stack() {
      return stackOf();
    },
    cache,
    get control() {
      return shared.control ?? expect.unreachable('no control');
    },
    atEnd: (stop) => void stops.push(stop),
    async start(size, options = {}) {
      const stack = stackOf();
      const namespace = `fleet${(shared.fleets += 1)}`;
      stack.identity.setTokenLifetimeMs(options.tokenLifetimeMs ?? 20_000);
      stack.identity.forget();
      const connectionsBefore = stack.front.stats.connectionsAccepted;
      const ids = Array.from({ length: size }, (_, index) => `member-${index + 1}`);
      const fleet = ids.map((id) => startFleetInstance(stack, id, { ...options, namespace }));
      stops.push(() => Promise.all(fleet.map(async (one) => one[Symbol.asyncDispose]())));
      const last = fleet.at(-1) ?? expect.unreachable();
      await eventually(async () => {
        // One whose timers never fire does not ask again by itself.
        for (const { keeper } of fleet) if (keeper.current() === undefined) await keeper.renew();
        expect((await last.registry.read(Date.now() + 10_000)).entries).toHaveLength(size);
      });
      const connections = (): readonly ConnectionRecord[] =>
        stack.front.connections.filter(
          ({ id, closedAtMs }) => id > connectionsBefore && closedAtMs === undefined,
        );
      return { namespace, fleet, last, connections };
    },
    async onAll(...command) {
      for (const server of serversOf(stackOf().redis)) await server.admin(...command);
    },
    async evalCalls() {
      const info = String(await stackOf().redis.admin('INFO', 'commandstats'));
      return Number(/cmdstat_eval:calls=(?<calls>\d+)/u.exec(info)?.groups?.['calls'] ?? 0);
    },
  };
}

/** 20 reads a second on each instance. */
export function readOnAll(fleet: readonly FleetInstance[]): SteadyReads[] {
  return fleet.map(({ redis }) => {
    const read = async (): Promise<number> => {
      await redis.run((client) => client.get('any'), {
        key: 'any',
        deadlineAtMs: Date.now() + 10_000,
        idempotent: true,
      });
      return 200;
    };
    return steadyReads(read, { perSecond: 20, limitMs: 120_000 });
  });
}

export function authsByConnection({ connections }: Fleet): number[] {
  return connections().map(({ auths }) => auths.filter(({ command }) => command === 'AUTH').length);
}

export function sleepUntil(atMs: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, Math.max(atMs - Date.now(), 0));
  });
}
