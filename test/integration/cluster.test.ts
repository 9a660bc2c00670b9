// The app on a cluster of six nodes: primaries that die, slots that move, ports that change, all under reads.

import fc from 'fast-check';
import { afterEach, expect, it } from 'vitest';
import type { ClusterStack } from '../../local/stack.ts';
import { slotOf } from '../../src/redis/key-slot.ts';
import { eventually, sleep } from '../support/eventually.ts';
import { patientBudgetMs, startLocalApp, type LocalApp } from '../support/local-app.ts';
import { failed, steadyReads, troubled, type ReadOutcome } from '../support/steady-reads.ts';
import { lateMs, startControl, type Control } from '../support/timing.ts';

let app: LocalApp<ClusterStack>;
let stack: ClusterStack;

/** How long a read may take that nothing keeps from its node, beside what the machine takes. */
const promptMs = 1000;
let control: Control;

async function start(budgetMs = patientBudgetMs): Promise<void> {
  app = await startLocalApp({ cluster: true, settings: { REQUEST_BUDGET_MS: `${budgetMs}` } });
  stack = app.stack;
  control = startControl(async () => (await app.fetch('/api/health/live')).text());
}
afterEach(async () => {
  control[Symbol.dispose]();
  await app.stop();
});

const put = (key: string, body: string): Promise<Response> =>
  app.fetch(`/api/cache/${key}?ttl=3600`, { method: 'PUT', body });

/** Enough keys that every shard has a dozen or more. */
const keys = Array.from({ length: 60 }, (_, index) => `key-${index}`);

/** The keys by the index of the node that holds them. */
async function fill(): Promise<Map<number, string[]>> {
  const byOwner = new Map<number, string[]>();
  for (const key of keys) {
    expect([201, 204]).toContain((await put(key, `value of ${key}`)).status);
    const owner = await stack.redis.ownerOf(key);
    byOwner.set(owner, [...(byOwner.get(owner) ?? []), key]);
  }
  expect(byOwner.size).toBe(3);
  return byOwner;
}

interface KeyRead extends ReadOutcome {
  readonly key: string;
}

/** Reads the keys in turn, 100 a second; 404 and wrong bodies are told from what could not be asked. */
function readAll(among: readonly string[] = keys) {
  const seen: KeyRead[] = [];
  let next = 0;
  const reads = steadyReads(
    async () => {
      const key = among[next++ % among.length] ?? '';
      const atMs = Date.now();
      let status = 0;
      try {
        const response = await app.fetch(`/api/cache/${key}`);
        const body = await response.text();
        status = response.status === 200 && body !== `value of ${key}` ? 1 : response.status;
      } finally {
        seen.push({ key, atMs, tookMs: Date.now() - atMs, status });
      }
      return status;
    },
    { perSecond: 100, limitMs: 50_000 },
  );
  return {
    seen,
    async stop(): Promise<readonly KeyRead[]> {
      await reads.stop();
      return seen;
    },
  };
}

const logged = (): string =>
  app.host
    .logs()
    .map(({ message }) => message)
    .join('\n');

it('computes slots as Redis does', async () => {
  await start();
  const odd = [
    '',
    '{',
    '{}',
    'a{b}c',
    '{}{a}',
    'a{}b',
    '{{a}}',
    '}a{b}',
    'ä{ö}',
    '\u{1F600}',
    'a'.repeat(1024),
  ];
  const any = fc.sample(fc.string({ unit: fc.constantFrom('{', '}', 'a', 'b', 'ö', '\u{1F600}', ' ') }), 300);
  for (const key of [...odd, ...any])
    expect([key, slotOf(key)]).toEqual([key, await stack.redis.slotOf(key)]);
});

it('a primary that dies costs its own keys, and those only until its replica takes over', async () => {
  const budgetMs = 1500;
  await start(budgetMs);
  const byOwner = await fill();
  const victim = 1;
  const reads = readAll();
  await sleep(1000);
  const killedAtMs = Date.now();
  await stack.redis.node(victim).kill();
  await eventually(async () => {
    for (const key of byOwner.get(victim) ?? []) {
      const owner = await stack.redis.ownerOf(key);
      expect(owner).not.toBe(victim);
    }
  });
  const tookOverAtMs = Date.now();
  await sleep(3000);
  const outcomes = await reads.stop();

  const ofVictim = new Set(byOwner.get(victim));
  const ofOthers = outcomes.filter(({ key }) => !ofVictim.has(key));
  expect(ofOthers.length).toBeGreaterThan(200);
  // One whose time was up while the machine did something else says nothing of Redis.
  const heldUp = ({ atMs, tookMs }: ReadOutcome): boolean =>
    tookMs > budgetMs - 500 && control.longestIn(atMs, atMs + tookMs) > budgetMs / 2;
  expect(failed(ofOthers.filter((read) => !heldUp(read)))).toEqual([]);
  const failures = failed(outcomes);
  // What exists is never absent, nor anything else than unavailable.
  expect(new Set(failures.map(({ status }) => status))).toEqual(new Set([503]));
  expect(failures.filter((read) => read.atMs + read.tookMs < killedAtMs && !heldUp(read))).toEqual([]);
  expect(Math.max(...failures.map(({ tookMs }) => tookMs))).toBeLessThanOrEqual(
    budgetMs + lateMs + control.longestMs,
  );
  const recoveredAtMs = tookOverAtMs + lateMs + control.longestMs;
  expect(failures.filter((read) => read.atMs > recoveredAtMs && !heldUp(read))).toEqual([]);
  expect(app.host.crashes).toBe(0);
});

it('while a shard is away, a batch answers for the keys of all others', async () => {
  await start(4000);
  const byOwner = await fill();
  const victim = 0;
  await Promise.all([stack.redis.node(victim).kill(), stack.redis.node(victim + 3).kill()]);
  const ofVictim = new Set(byOwner.get(victim));
  const response = await app.fetch('/api/batch', { method: 'POST', body: JSON.stringify({ keys }) });
  const { results } = (await response.json()) as {
    results: { key: string; status: string; value?: string }[];
  };
  expect(results.map(({ key }) => key)).toEqual(keys);
  for (const { key, status, value } of results) {
    expect([key, status, value]).toEqual(
      ofVictim.has(key) ? [key, 'unavailable', undefined] : [key, 'hit', `value of ${key}`],
    );
  }
});

it('a planned failover costs no read', async () => {
  await start();
  await fill();
  const reads = readAll();
  await sleep(500);
  const replica = await stack.redis.failover(2);
  await sleep(2000);
  expect(troubled(await reads.stop(), promptMs, control)).toEqual([]);
  await eventually(() => expect(stack.front.node(replica).stats.live).toBeGreaterThanOrEqual(1));
  await eventually(() => expect(stack.front.node(2).stats.live).toBe(0));
});

it('slots that move under load cost no read and no write', async () => {
  await start();
  const byOwner = await fill();
  const moving = byOwner.get(0) ?? [];
  const slots = [...new Set(moving.map(slotOf))];
  const reads = readAll();
  const written = new Map<string, string>();
  const stopWriting = new AbortController();
  const writes = (async () => {
    for (let turn = 0; !stopWriting.signal.aborted; turn += 1) {
      const key = `written-{${moving[turn % moving.length] ?? ''}}-${turn % 7}`;
      const { status } = await put(key, `turn ${turn}`);
      expect([201, 204]).toContain(status);
      written.set(key, `turn ${turn}`);
    }
  })();
  try {
    await sleep(300);
    const onStep = (): Promise<void> => sleep(5);
    await stack.redis.moveSlots(0, 1, slots, { keysPerStep: 1, onStep });
    await stack.redis.moveSlots(1, 2, slots, { keysPerStep: 1, onStep });
  } finally {
    stopWriting.abort();
  }
  await writes;
  const outcomes = await reads.stop();
  expect(outcomes.length).toBeGreaterThan(100);
  expect(troubled(outcomes, promptMs, control)).toEqual([]);
  expect(written.size).toBeGreaterThan(10);
  for (const [key, value] of written) {
    expect(await (await app.fetch(`/api/cache/${key}`)).text()).toBe(value);
  }
});

it('a node that changes its port is found again, and no read fails', async () => {
  await start();
  await fill();
  const reads = readAll();
  await sleep(500);
  await stack.front.node(0).changePort();
  await sleep(2000);
  const outcomes = await reads.stop();
  expect(troubled(outcomes, promptMs, control)).toEqual([]);
  expect(logged()).toContain('topologyChanged');
});

it('leaves one connection a primary, one more where it listens, and none to replicas or the endpoint', async () => {
  await start();
  await fill();
  await eventually(() => expect(stack.front.stats.live).toBe(4));
  const owner = await stack.redis.ownerOf('ref:{fleet}:announcements');
  for (const node of [0, 1, 2]) expect(stack.front.node(node).stats.live).toBe(node === owner ? 2 : 1);
});

it('the roll call follows its slot: after a failover, and after a move to another shard', async () => {
  await start();
  const fleetKey = 'ref:\u001F{fleet}:roster';
  interface FleetView {
    readonly instances: readonly unknown[];
    readonly rollCalls: readonly { readonly expected: number; readonly answered: number }[];
  }
  const view = async (): Promise<FleetView> => (await (await app.fetch('/api/fleet')).json()) as FleetView;
  const rollCalls = async (): Promise<FleetView['rollCalls']> => (await view()).rollCalls;
  const callRoll = async (): Promise<void> => {
    const before = (await rollCalls()).length;
    await app.fetch('/admin/functions/reauthenticate', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: '{"input":""}',
    });
    await eventually(async () => expect((await rollCalls()).length).toBe(before + 1));
    expect((await rollCalls())[0]).toMatchObject({ expected: 1, answered: 1 });
  };
  // Ready means that one node answers; who has entered the roster listens, too.
  await eventually(async () => expect((await view()).instances).toHaveLength(1));
  await callRoll();
  const owner = await stack.redis.ownerOf(fleetKey);
  const successor = await stack.redis.failover(owner);
  // The app learns of it by its first command; until then it listens on what is a replica now.
  await callRoll();
  await eventually(() => expect(stack.front.node(successor).stats.live).toBe(2));
  await callRoll();
  const other = [0, 1, 2].find((node) => node !== owner) ?? expect.unreachable();
  await stack.redis.moveSlots(successor, other, [slotOf(fleetKey)]);
  await callRoll();
});
