// Three instances with a memory each, on a real server, whatever happens to keys, connections and the server: what is
// read from memory is never older than what another instance had written 50 ms before, nor than what its own has.

import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startRedisServer, type RedisServer } from '../../local/redis-server.ts';
import { decodeEntry } from '../../src/cache/entry-decoder.ts';
import { newEntry, newWriteId, type Entry } from '../../src/cache/entry.ts';
import type { RemoveResult, WriteResult } from '../../src/cache/tier.ts';
import { systemClock as clock } from '../../src/util/clock.ts';
import { always } from '../contract/tier-world.ts';
import { eventually, sleep } from '../support/eventually.ts';
import { startMemoryInstance, type MemoryInstance } from '../support/memory-instance.ts';

const password = 'of the test only';
const keys = ['one', 'two', 'three'];
const toldWithinMs = 50;
const soon = (): number => clock.nowMs() + 1000;

const parts: { server?: RedisServer; instances: readonly MemoryInstance[] } = { instances: [] };
beforeAll(async () => {
  const server = await startRedisServer({ password });
  parts.server = server;
  const start = async () => startMemoryInstance({ port: server.port, password });
  parts.instances = await Promise.all([start(), start(), start()]);
});
afterAll(async () => {
  await Promise.all(parts.instances.map((instance) => instance[Symbol.asyncDispose]()));
  await parts.server?.stop();
});

/** What a key holds, one state after the other. */
class History {
  readonly #states: { readonly ackedAtMs: number; readonly by: number }[] = [];
  readonly #indexOf = new Map<string, number>();
  entry: Entry | undefined;

  /** A change is on its way: who reads may find what it makes. */
  begin(entry: Entry | undefined): void {
    if (entry?.writeId !== undefined) this.#indexOf.set(entry.writeId, this.#states.length);
  }

  /** @param by the instance that has been told; -1: none of them. */
  done(entry: Entry | undefined, by: number): void {
    this.begin(entry);
    this.entry = entry;
    this.#states.push({ ackedAtMs: clock.nowMs(), by });
  }

  /** Of a read from memory: by how many states it is older than it may be. */
  behind({ writeId = '' }: Entry, beganAtMs: number, reader: number): number {
    const isTold = ({ ackedAtMs, by }: { readonly ackedAtMs: number; readonly by: number }): boolean =>
      ackedAtMs <= beganAtMs - (by === reader ? 0 : toldWithinMs);
    const found = this.#indexOf.get(writeId) ?? -1;
    return Math.max(this.#states.findLastIndex(isTold) - found, 0);
  }
}

const kinds = ['write', 'touch', 'remove', 'wait', 'cut', 'flush', 'restart'] as const;
const often = ['write', 'write', 'write', 'write', 'touch', 'touch', 'wait', 'wait'] as const;
const step = fc.record({
  do: fc.constantFrom(...kinds, ...often),
  by: fc.nat(2),
  key: fc.constantFrom(...keys),
  pauseMs: fc.constantFrom(0, 0, 1, 3, 10, 60),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

class Model {
  readonly happened = new Map<string, number>();
  readonly #server: RedisServer;
  readonly #histories = new Map(keys.map((key) => [key, new History()]));
  #isOver = false;

  constructor(server: RedisServer) {
    this.#server = server;
  }

  async run(steps: readonly Step[]): Promise<void> {
    const readers = parts.instances.map(async (instance, index) => this.#read(instance, index));
    try {
      for (const one of steps) {
        await this.#do(one);
        await sleep(one.pauseMs);
      }
    } finally {
      this.#isOver = true;
      await Promise.all(readers);
    }
  }

  async #read({ tier }: MemoryInstance, index: number): Promise<void> {
    for (let turn = index; !this.#isOver; turn += 1) {
      const key = keys[turn % keys.length] ?? expect.unreachable();
      const beganAtMs = clock.nowMs();
      const result = await tier.read(key, soon());
      this.#count(result.kind === 'hit' ? `from ${result.from ?? 'redis'}` : result.kind);
      if (result.kind === 'hit' && result.from === 'memory')
        expect(this.#history(key).behind(result.entry, beganAtMs, index)).toBe(0);
      // In turns of the event loop, now and then with time for others.
      if (turn % 3 === 0) await sleep(1);
    }
  }

  async #do({ do: kind, by, key }: Step): Promise<void> {
    const { tier } = parts.instances[by] ?? expect.unreachable();
    const history = this.#history(key);
    const held = history.entry;
    this.#count(kind);
    switch (kind) {
      case 'write': {
        const entry = newEntry(Buffer.from(`${Math.random()}`), 'text/plain', clock.wallMs(), 3600);
        history.begin(entry);
        return this.#settle(key, entry, by, await tier.write(key, entry, always, soon()));
      }
      case 'touch': {
        if (held?.writeId === undefined) return;
        const entry = { ...held, writeId: newWriteId() };
        history.begin(entry);
        return this.#settle(key, entry, by, await tier.touch(key, held.writeId, entry, soon()));
      }
      case 'remove':
        return this.#settle(key, undefined, by, await tier.remove(key, always, soon()));
      case 'wait':
        return sleep(20);
      case 'cut':
        await this.#server.admin('CLIENT', 'KILL', 'TYPE', 'normal');
        return;
      case 'flush':
        await this.#server.admin('FLUSHALL');
        return this.#allGone();
      case 'restart':
        await this.#server.restart();
        return this.#allGone();
    }
  }

  /** Where it is not known what became of a change, the server is asked when it can be no more on its way. */
  async #settle(
    key: string,
    entry: Entry | undefined,
    by: number,
    result: WriteResult | RemoveResult,
  ): Promise<void> {
    const history = this.#history(key);
    if (result.kind !== 'unavailable') return history.done(entry, by);
    if (result.applied === 'no') return;
    this.#count('unknown');
    await sleep(100);
    const stored = await eventually(() => this.#server.adminRaw('GET', key));
    const decoded = Buffer.isBuffer(stored) ? decodeEntry(stored) : undefined;
    const writeId = decoded?.kind === 'entry' ? decoded.entry.writeId : undefined;
    if (writeId === entry?.writeId) history.done(entry, -1);
  }

  #allGone(): void {
    for (const history of this.#histories.values()) history.done(undefined, -1);
  }

  #history(key: string): History {
    return this.#histories.get(key) ?? expect.unreachable();
  }

  #count(what: string): void {
    this.happened.set(what, (this.happened.get(what) ?? 0) + 1);
  }
}

it('memory is never older than it may be', async () => {
  const { server } = parts;
  if (server === undefined) throw new Error('The server has not started.');
  const happened = new Map<string, number>();
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 40 }), async (steps) => {
      await server.admin('FLUSHALL');
      const model = new Model(server);
      await model.run(steps);
      for (const [what, count] of model.happened) happened.set(what, (happened.get(what) ?? 0) + count);
    }),
    // Each takes half a second; a smaller one that fails says no more, since time has a part in it.
    { numRuns: 10, endOnFailure: true },
  );
  // How often an outage is read through, and how often a busy process trusts its memory, is a matter of chance.
  for (const what of ['from memory', 'from redis', ...kinds])
    expect(happened.get(what) ?? 0, what).toBeGreaterThan(0);
});
