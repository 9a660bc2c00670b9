// An instance told to stop in the middle of something: it answers, ends cleanly, and nothing is unhandled.

import { expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { startLocalApp, type LocalApp, type LocalAppOptions } from '../support/local-app.ts';
import type { AnyStack } from '../../local/stack.ts';
import { allCaches } from '../support/caches.ts';

interface Middle {
  readonly what: string;
  readonly options?: LocalAppOptions<AnyStack>;
  /** Brings the app into the middle of it. */
  readonly reach: (app: LocalApp<AnyStack>) => Promise<void>;
  /** What requests in flight may be answered with. */
  readonly statuses: readonly number[];
}

const middles: readonly Middle[] = [
  {
    what: 'its first token request, which hangs',
    options: { untilReady: false, prepare: ({ identity }) => identity.setBehaviour('hang') },
    reach: (app) => eventually(() => expect(app.stack.identity.calls.length).toBeGreaterThan(0)),
    statuses: [503],
  },
  {
    what: 'a renewal, which hangs',
    options: { tokenLifetimeMs: 6000 },
    reach: async (app) => {
      app.stack.identity.setBehaviour('hang');
      await eventually(() =>
        expect(app.stack.identity.calls.some(({ outcome }) => outcome === 'hung')).toBe(true),
      );
    },
    statuses: [404],
  },
  {
    what: 'connecting to a Redis that does not answer',
    options: { untilReady: false, prepare: ({ front }) => front.setBehaviour('stall') },
    reach: (app) => eventually(() => expect(app.stack.front.stats.connectionsAccepted).toBeGreaterThan(0)),
    statuses: [503],
  },
  {
    what: 'requests that Redis does not answer',
    reach: (app) => Promise.resolve(app.stack.front.setBehaviour('stall')),
    statuses: [503],
  },
  {
    what: 'reconnecting to a Redis that is gone',
    reach: async (app) => {
      await app.stack.redis.kill();
      await eventually(() => expect(app.stack.front.stats.live).toBe(0));
    },
    statuses: [503],
  },
];

const cases = allCaches.flatMap(({ cache, cluster }) =>
  middles.map((middle) => ({ ...middle, cache, cluster })),
);

it.concurrent.each(cases)(
  'in the middle of $what, with $cache',
  async ({ cluster, options, reach, statuses }) => {
    const app = await startLocalApp({ ...options, cluster, settings: { REQUEST_BUDGET_MS: '1500' } });
    let stopped = false;
    try {
      const pids = app.host.instances.map(({ pid }) => pid ?? 0);
      await reach(app);
      let answered = 0;
      const reads = Array.from({ length: 10 }, async () => {
        const { status } = await app.fetch('/api/cache/absent');
        answered += 1;
        return status;
      });
      const statusesSeen = Promise.all(reads);
      // A connection that the host has not accepted yet is refused when it stops; these have all arrived.
      await eventually(() => expect(app.host.inFlight + answered).toBeGreaterThanOrEqual(10));
      await app.host.stop();
      stopped = true;
      for (const status of await statusesSeen) expect(statuses).toContain(status);
      for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow();
      const logged = app.host.logs().map(({ level, message }) => `${level} ${message}`);
      expect(logged.filter((line) => /uncaught|unhandled|critical/iu.test(line))).toEqual([]);
      expect(app.host.crashes).toBe(0);
    } finally {
      if (!stopped) await app.host.stop();
      await app.stack.stop();
    }
  },
);
