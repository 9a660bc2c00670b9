// What a purge costs: of a tag with 1, 1,000 and 100,000 entries, with 50 instances that acknowledge it, each with its own
// client on a real Redis; and what 10,000 rules cost a read and an instance.

import { newEntry, type EntryHead } from '../src/cache/entry.ts';
import { PurgeLog } from '../src/cache/purge-log.ts';
import { PurgeRules, ruleId, scopedTag, type PurgeRule } from '../src/cache/purge-rules.ts';
import { PurgeTier } from '../src/cache/purge-tier.ts';
import { RedisPurgeOrder } from '../src/cache/redis-purge-order.ts';
import { RedisTier } from '../src/cache/redis-tier.ts';
import { ByteBudget } from '../src/util/byte-budget.ts';
import { systemClock as clock } from '../src/util/clock.ts';
import { startStack, type Stack } from '../local/stack.ts';
import { eventually } from '../test/support/eventually.ts';
import { adoptStack, startSharedClient, type SharedClient } from '../test/support/shared-client.ts';
import { median } from './support/median.ts';

const instances = 50;
const rounds = 5;
const rulesHeld = 10_000;
const always = { kind: 'none', etags: [] } as const;
const deadline = (): number => clock.nowMs() + 5000;

interface Instance {
  readonly client: SharedClient;
  readonly log: PurgeLog;
  readonly tier: PurgeTier;
}

measureRules();
const stack = await startStack({ storage: false });
try {
  adoptStack(stack);
  await measurePurges(stack);
} finally {
  await stack.stop();
}

async function measurePurges(on: Stack): Promise<void> {
  const fleet = Array.from({ length: instances }, (_, index) => instance(on, `i${index}`));
  try {
    await Promise.all(fleet.map(async ({ client }) => client.connected()));
    const [first] = fleet;
    if (first === undefined) return;
    await eventually(async () => {
      const outcome = await purge(first, fleet, 'warm');
      if (outcome.acknowledged !== instances) throw new Error('Not all instances hear of purges yet.');
    }, 30_000);
    console.log('| entries | acknowledged | purge, median of 5 | commands in Redis, fewest |');
    console.log('|---|---|---|---|');
    for (const entries of [1, 1000, 100_000]) {
      await fill(first, entries);
      const runs = [];
      for (let round = 0; round < rounds; round += 1) runs.push(await purge(first, fleet, `tag-${entries}`));
      const least = Math.min(...runs.map(({ acknowledged }) => acknowledged));
      const commands = Math.min(...runs.map((run) => run.commands));
      const tookMs = median(runs.map((run) => run.tookMs)).toFixed(0);
      console.log(`| ${entries} | ${least} of ${instances} | ${tookMs} ms | ${commands} |`);
    }
  } finally {
    for (const { log } of fleet) log.stop();
    await Promise.all(fleet.map(async ({ client }) => client[Symbol.asyncDispose]()));
  }
}

function instance(on: Stack, name: string): Instance {
  const client = startSharedClient(on);
  const { redis } = client;
  const emit = (): void => {};
  const log = new PurgeLog({ order: new RedisPurgeOrder(redis, 'bench'), instance: () => name, clock, emit });
  const below = new RedisTier({ redis, budget: new ByteBudget(2 ** 27), maxValueBytes: 2 ** 20, emit });
  return { client, log, tier: new PurgeTier({ tier: below, log, scope: '', clock }) };
}

/** Each instance has just read: it goes by what it knows. */
async function purge({ log }: Instance, fleet: readonly Instance[], tag: string) {
  await Promise.all(fleet.map(async ({ tier }) => tier.read('some', deadline())));
  const before = await commandsOf();
  const startedAtMs = performance.now();
  const id = ruleId('stale', { kind: 'tag', name: scopedTag('', tag) });
  const outcome = await log.purge([id], deadline());
  const tookMs = performance.now() - startedAtMs;
  const acknowledged = outcome.kind === 'purged' ? outcome.acknowledged : 0;
  return { acknowledged, tookMs, commands: (await commandsOf()) - before };
}

async function fill({ tier }: Instance, entries: number): Promise<void> {
  const tags = [`tag-${entries}`];
  for (let from = 0; from < entries; from += 1000) {
    const count = Math.min(1000, entries - from);
    const writes = Array.from({ length: count }, async (_, index) => {
      const entry = newEntry(Buffer.from('value'), 'text/plain', clock.wallMs(), 3600, tags);
      return tier.write(`${tags[0]}:${from + index}`, entry, always, deadline());
    });
    await Promise.all(writes);
  }
}

/** That Redis has run, those of scripts included. */
async function commandsOf(): Promise<number> {
  const stats = String(await stack.redis.admin('INFO', 'commandstats'));
  return [...stats.matchAll(/calls=(?<calls>\d+)/gu)].reduce(
    (sum, { groups }) => sum + Number(groups?.['calls']),
    0,
  );
}

function measureRules(): void {
  const rules = new PurgeRules();
  globalThis.gc?.();
  const before = process.memoryUsage().heapUsed;
  rules.add(
    Array.from({ length: rulesHeld }, (_, index) => rule(index)),
    0,
  );
  rules.judge('', '', headAt(0));
  globalThis.gc?.();
  const mib = (process.memoryUsage().heapUsed - before) / 2 ** 20;
  const heads = [headAt(1), headAt(rules.last)];
  const keys = Array.from({ length: 1000 }, (_, index) => `shop:product/${index * 7}/images/large.webp`);
  const [judged, newer] = heads.map((head) => {
    let took = Number.POSITIVE_INFINITY;
    for (let round = 0; round < 20; round += 1) {
      const startedAtMs = performance.now();
      for (const key of keys) rules.judge(key, 'shop:', head);
      took = Math.min(took, (performance.now() - startedAtMs) * 1000);
    }
    return took / keys.length;
  });
  const gc = globalThis.gc === undefined ? ' (start with --expose-gc to know better)' : '';
  console.log(`purge: ${rulesHeld} rules take ${mib.toFixed(1)} MiB${gc}`);
  console.log(
    `purge: they cost a read ${judged?.toFixed(2)} µs, and ${newer?.toFixed(3)} µs of what is newer`,
  );
}

function rule(index: number): PurgeRule {
  const name = `shop:product/${index}/images`;
  const targets = [
    { kind: 'key', name } as const,
    { kind: 'prefix', name } as const,
    { kind: 'tag', name: scopedTag('shop:', `product-${index}`) } as const,
  ];
  const target = targets[index % 3] ?? { kind: 'key', name };
  return { id: ruleId('stale', target), place: 1_800_000_000_000 + index, leftMs: 3_600_000 };
}

function headAt(place: number): EntryHead {
  const tags = ['products', 'product-5', 'images', 'de', 'large'];
  return { ...newEntry(Buffer.alloc(0), 'image/webp', 0, 60, tags), place };
}
