// Whatever happens to connections, messages and Redis itself, no purge that was answered is survived, and nothing that was
// written after one is lost to it.

import { afterAll, beforeAll, expect, it } from 'vitest';
import { startRedisServer, type RedisServer } from '../../local/redis-server.ts';
import { sleep } from '../support/eventually.ts';
import { PurgeWorld, type PurgeInstance } from '../support/purge-world.ts';

const password = 'of the test only';
const worlds = 10;
const runMs = Number(process.env['RUN_MS'] ?? 6000);
const parts: { server?: RedisServer } = {};
beforeAll(async () => {
  parts.server = await startRedisServer({ password });
});
afterAll(async () => parts.server?.stop());

const pick = <T>(of: readonly T[]): T => of[Math.floor(Math.random() * of.length)] as T;
const chance = (of: number): boolean => Math.random() < of;

it('holds of three instances, whose connections are cut, deaf or away', async () => {
  const server = parts.server ?? expect.unreachable();
  const runs = Array.from({ length: worlds }, async (_, index) => run(server, `world${index}`));
  const counts = await Promise.all(runs);
  for (const what of ['afterPurges', 'afterWrites'] as const)
    expect(counts.reduce((sum, count) => sum + count[what], 0)).toBeGreaterThan(20);
});

async function run(server: RedisServer, id: string) {
  const world = new PurgeWorld(server, password, id);
  const pending = new Set<Promise<unknown>>();
  const untilMs = performance.now() + runMs;
  try {
    while (performance.now() < untilMs) await episode(world, pending);
    await Promise.all(pending);
    return world.history.check();
  } finally {
    await Promise.allSettled(pending);
    world.close();
  }
}

/** Something is there; perhaps something else is on its way, and a connection is lost; then comes a purge. */
async function episode(world: PurgeWorld, pending: Set<Promise<unknown>>): Promise<void> {
  const { instances, names } = world;
  for (const { link } of instances) {
    link.isDeaf = false;
    if (chance(0.7)) await link.opened();
  }
  world.originMs = 0;
  await Promise.all(names.map((name) => world.read(pick(instances), name)));
  if (chance(0.3)) await world.write(pick(instances), pick(names), chance(0.3));
  if (chance(0.2)) await sleep(pick([100, 800, 1600]));
  if (chance(0.5)) await Promise.all(readsOf(world));
  if (chance(0.4)) {
    world.originMs = pick([20, 100]);
    const name = pick(names);
    await world.remove(pick(instances), name);
    pending.add(world.read(pick(instances), name));
    await sleep(pick([0, 10]));
  }
  if (chance(0.7)) await fault(world, pick(instances));
  const purge = world.purge(pick(instances), pick(['key', 'tag', 'prefix']), pick(['stale', 'remove']));
  if (chance(0.3)) pending.add(world.write(pick(instances), pick(names), false));
  await purge;
  if (chance(0.4)) await world.write(pick(instances), pick(names), chance(0.3));
  await Promise.all(readsOf(world));
}

function readsOf(world: PurgeWorld): Promise<void>[] {
  return world.instances.flatMap((instance) => world.names.map((name) => world.read(instance, name)));
}

async function fault(world: PurgeWorld, { link }: PurgeInstance): Promise<void> {
  const kind = Math.random();
  const forMs = pick([0, 50, 400]);
  if (kind < 0.3) link.cutSubscriptions(forMs);
  else if (kind < 0.5) link.cutCommands(forMs);
  else if (kind < 0.6) link.cutAll(forMs);
  else if (kind < 0.9) link.isDeaf = true;
  else await world.loseAll(forMs);
}
