// What a load makes of an entry that has been purged as stale while it was waiting, and what memory may still answer.

import { expect } from 'vitest';
import { PurgeLog } from '../../../src/cache/purge-log.ts';
import { ruleId } from '../../../src/cache/purge-rules.ts';
import { PurgeTier } from '../../../src/cache/purge-tier.ts';
import { it, told, type InMemoryInstance, type World } from '../../support/in-memory-cache.ts';
import { settle } from '../../support/fake-clock.ts';
import { ScriptedPurges } from '../../support/scripted-purges.ts';

/** One that knows of purges; `other` is of an earlier version, and does not. */
function instances(world: World) {
  const { clock } = world;
  const order = new ScriptedPurges();
  const log = new PurgeLog({ order, instance: () => 'me', clock, emit() {} });
  const other = world.instance();
  const tier = new PurgeTier({ tier: other.tier, log, scope: '', clock });
  const purge = async (): Promise<void> => {
    const place = order.answer.place + 1;
    const id = ruleId('stale', { kind: 'key', name: 'key' });
    order.answer = { ...order.answer, place, rules: [{ id, place, leftMs: 600_000 }] };
    // The turn of the last question is over.
    await settle();
    order.announce('purge');
    await settle();
    expect(log.known).toBe(place);
  };
  return { other, instance: world.instance({ tier, purges: log }), purge };
}

async function read(instance: InMemoryInstance): Promise<string> {
  return told(await instance.read('key'));
}

it('what another instance began to load before a purge is no answer to whoever waited for it', async ({
  world,
}) => {
  const { clock, origin } = world;
  const { other, instance, purge } = instances(world);
  origin.set('key', 'old');
  origin.fields = { 'cache-control': 'max-age=300' };
  origin.delayMs = 300;
  const loading = read(other);
  await clock.advance(10);
  const waiting = read(instance);
  await clock.advance(50);
  // It waits for the lock of the other one.
  expect(origin.loads).toHaveLength(1);
  origin.set('key', 'new');
  await purge();
  expect(await world.after(300, loading)).toBe('loaded old');
  expect(await world.after(1000, waiting)).toBe('loaded new');
  expect(origin.loads).toHaveLength(2);
  expect(await read(instance)).toBe('hit new');
});

it('what was loaded before a purge, and may not be served stale, is loaded anew once', async ({ world }) => {
  const { origin } = world;
  const { instance, purge } = instances(world);
  origin.set('key', 'old');
  origin.fields = { 'cache-control': 'max-age=300, must-revalidate' };
  expect(await read(instance)).toBe('loaded old');
  expect(await read(instance)).toBe('hit old');
  origin.set('key', 'new');
  await purge();
  origin.delayMs = 100;
  const both = Promise.all([read(instance), read(instance)]);
  expect(await world.after(200, both)).toEqual(['loaded new', 'loaded new']);
  expect(await read(instance)).toBe('hit new');
  expect(origin.loads).toHaveLength(2);
});

it('memory does not answer while nobody says what has been purged', async ({ world }) => {
  const { clock } = world;
  const order = new ScriptedPurges();
  const log = new PurgeLog({ order, instance: () => 'me', clock, emit() {} });
  const memory = world.instance({ memory: {}, isTrusted: () => log.isReachable });
  const instance = world.instance({
    tier: new PurgeTier({ tier: memory.tier, log, scope: '', clock }),
    purges: log,
    origin: undefined,
  });
  const from = async (ms = 0): Promise<string> => {
    const answer = await world.after(ms, instance.read('key'));
    await settle();
    return `${told(answer)} ${(answer.kind === 'hit' && answer.from) || 'Redis'}`;
  };
  await instance.write('key', 'value');
  await from();
  await from();
  expect(await from()).toBe('hit value memory');
  order.before = async () => new Promise(() => {});
  // Its lease is over. The connection was heard from all the same.
  await clock.advance(1600);
  expect(await from(300)).toBe('hit value Redis');
  expect(await from()).toBe('hit value Redis');
  order.before = async () => {};
  await clock.advance(3000);
  await from(300);
  await from();
  await from();
  expect(await from()).toBe('hit value memory');
});
