// Instances that read, write and purge a few keys over connections that come and go, and what each of them was told.

import { Cache } from '../../src/cache/cache.ts';
import { newEntry } from '../../src/cache/entry.ts';
import { PurgeLog } from '../../src/cache/purge-log.ts';
import { PurgeTier } from '../../src/cache/purge-tier.ts';
import { RedisLocks } from '../../src/cache/redis-locks.ts';
import { RedisPurgeOrder } from '../../src/cache/redis-purge-order.ts';
import { RedisTier } from '../../src/cache/redis-tier.ts';
import type { RedisServer } from '../../local/redis-server.ts';
import { createOrigins } from '../../src/origin/origins.ts';
import type { Origin } from '../../src/origin/origin.ts';
import { OriginHealth } from '../../src/origin/origin-health.ts';
import { Measures } from '../../src/telemetry/measures.ts';
import { ByteBudget } from '../../src/util/byte-budget.ts';
import { systemClock as clock } from '../../src/util/clock.ts';
import { sleep } from './eventually.ts';
import { FlakyRedis } from './flaky-redis.ts';
import { entryKey } from './in-memory-cache.ts';
import { PurgeHistory } from './purge-history.ts';

const maxValueBytes = 2 ** 20;
/** What a call gets: longer than an instance may go on without asking. */
export const callMs = 3000;

export interface PurgeInstance {
  readonly name: string;
  readonly link: FlakyRedis;
  readonly log: PurgeLog;
  readonly cache: Cache;
}

export class PurgeWorld {
  readonly history = new PurgeHistory();
  readonly instances: readonly PurgeInstance[];
  /** How long the origin takes. */
  originMs = 0;
  readonly names: readonly string[];
  readonly #server: RedisServer;
  readonly #id: string;
  #written = 0;

  /** @param id tells worlds on one server apart. */
  constructor(server: RedisServer, password: string, id: string) {
    this.#server = server;
    this.#id = id;
    this.names = [`${id}:1`, `${id}:2`];
    this.instances = ['a', 'b', 'c'].map((name) => this.#instance(password, name));
  }

  /** As if Redis had been restarted: it has nothing any more, and nobody is connected. */
  async loseAll(awayMs: number): Promise<void> {
    const loss = this.history.change({ kind: 'loss', name: undefined });
    for (const { link } of this.instances) link.cutAll(awayMs);
    const keys = (await this.#server.admin('KEYS', `*${this.#id}*`)) as readonly string[];
    if (keys.length > 0) await this.#server.admin('DEL', ...keys);
    await Promise.all(this.instances.map(({ link }) => link.opened()));
    loss.ended('done');
  }

  async read({ cache }: PurgeInstance, name: string): Promise<void> {
    const fromMs = performance.now();
    const answer = await cache.read(entryKey(name), clock.nowMs() + callMs);
    const toMs = performance.now();
    if (answer.kind !== 'hit' && answer.kind !== 'loaded') return;
    const isFresh = answer.kind === 'loaded' || !answer.stale;
    const isAside = answer.kind === 'loaded' && answer.forwarded.why === 'bypass';
    this.history.reads.push({ name, fromMs, toMs, value: answer.entry.body.toString(), isFresh, isAside });
  }

  async write({ cache }: PurgeInstance, name: string, isConditional: boolean): Promise<void> {
    const value = `w${(this.#written += 1)}`;
    const entry = newEntry(Buffer.from(value), 'text/plain', clock.wallMs(), 600, ['red']);
    const write = this.history.change({ kind: 'write', name, value });
    const condition = isConditional
      ? ({ kind: 'none-match', etags: ['*'] } as const)
      : ({ kind: 'none', etags: [] } as const);
    const result = await cache.write(entryKey(name), entry, condition, clock.nowMs() + callMs);
    write.ended(result.kind === 'created' || result.kind === 'replaced' ? 'done' : outcomeOf(result));
  }

  async remove({ cache }: PurgeInstance, name: string): Promise<void> {
    const removal = this.history.change({ kind: 'remove', name });
    const result = await cache.remove(entryKey(name), { kind: 'none', etags: [] }, clock.nowMs() + callMs);
    removal.ended(result.kind === 'removed' || result.kind === 'absent' ? 'done' : outcomeOf(result));
  }

  async purge(
    { cache }: PurgeInstance,
    by: 'key' | 'tag' | 'prefix',
    mode: 'stale' | 'remove',
  ): Promise<void> {
    const [name = ''] = this.names;
    const purge = this.history.change({ kind: 'purge', name: by === 'key' ? name : undefined, mode });
    const keys = by === 'key' ? [entryKey(name)] : [];
    const tags = by === 'tag' ? ['red'] : [];
    const prefixes = by === 'prefix' ? [`${this.#id}:`] : [];
    const result = await cache.purge({ keys, tags, prefixes, mode }, clock.nowMs() + callMs);
    purge.ended(result.kind === 'purged' ? 'done' : outcomeOf(result));
  }

  close(): void {
    for (const { link, log, cache } of this.instances) {
      log.stop();
      void cache.stop();
      link.close();
    }
  }

  #instance(password: string, name: string): PurgeInstance {
    const emit = (): void => {};
    const link = new FlakyRedis(this.#server, password);
    const redis = link.port;
    const namespace = `purges-${this.#id}`;
    const budget = new ByteBudget(2 ** 27);
    const order = new RedisPurgeOrder(redis, namespace);
    const log = new PurgeLog({ order, instance: () => name, clock, emit });
    const inner = new RedisTier({ redis, budget, maxValueBytes, emit });
    const cache = new Cache({
      tier: new PurgeTier({ tier: inner, log, scope: '', clock }),
      purges: log,
      locks: new RedisLocks(redis, clock, namespace),
      origins: createOrigins({ origin: this.#origin(), health: new OriginHealth(emit, clock) }, []),
      keyRules: { prefix: '', namespace },
      clientsWrite: true,
      defaultTtlSeconds: 600,
      staleSeconds: 600,
      maxValueBytes,
      requestBudgetMs: 2000,
      budget,
      measures: new Measures(),
      clock,
      random: () => 0,
    });
    return { name, link, log, cache };
  }

  /** Each answer is another value, made when it is asked. */
  #origin(): Origin {
    return {
      kind: 'http',
      load: async () => {
        const value = this.history.asked();
        await sleep(this.originMs);
        return {
          kind: 'answered',
          status: 200,
          body: Buffer.from(value),
          codings: [],
          tags: ['red'],
          fields: { 'content-type': 'text/plain', etag: `"${value}"` },
          restrictions: [],
        };
      },
    };
  }
}

function outcomeOf(result: object): 'unknown' | 'not-done' {
  return 'applied' in result && result.applied === 'unknown' ? 'unknown' : 'not-done';
}
