// Whatever loads, renewals and warmups of several instances are under way, what a client wrote stays, and what a
// client removed stays removed: the real scripts on a real server, in random interleavings, against a model.

import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ByteBudget } from '../../src/util/byte-budget.ts';
import { startRedisServer, type RedisServer } from '../../local/redis-server.ts';
import { Cache } from '../../src/cache/cache.ts';
import { decodeEntry } from '../../src/cache/entry-decoder.ts';
import { encodeEntry } from '../../src/cache/entry-encoder.ts';
import { newEntry, type Entry } from '../../src/cache/entry.ts';
import { RedisLocks } from '../../src/cache/redis-locks.ts';
import { RedisTier } from '../../src/cache/redis-tier.ts';
import type { WriteCondition, WriteResult } from '../../src/cache/tier.ts';
import type { Origin, OriginAnswer } from '../../src/origin/origin.ts';
import { OriginHealth } from '../../src/origin/origin-health.ts';
import { Checkpoint } from '../../src/warmup/checkpoint.ts';
import type { WarmSet } from '../../src/warmup/warm-set.ts';
import { Warmup } from '../../src/warmup/warmup.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';
import { SteppedRedis } from '../support/stepped-redis.ts';

const password = 'of the test only';
const key = 'key';
const entryKey = { name: key, redisKey: key };
/** The same as the origin's: with no tag of the origin's own, a client's entry has the tag of a loaded one. */
const [body, contentType] = [Buffer.from('same'), 'text/plain'];
let server: RedisServer;
let redis: SteppedRedis;

beforeAll(async () => {
  server = await startRedisServer({ password });
  redis = await SteppedRedis.connect(server, password);
});
afterAll(async () => {
  await redis?.[Symbol.asyncDispose]();
  await server?.stop();
});

/** The last thing that a client did, and what was asked of the origin before it. */
type LastChange =
  | { readonly kind: 'none' }
  | { readonly kind: 'wrote'; readonly bytes: Buffer }
  | { readonly kind: 'removed'; readonly asked: number };

const kinds = ['read', 'put', 'put-if-same', 'put-if-none', 'remove', 'warm', 'warm-listed'] as const;
type Kind = (typeof kinds)[number] | 'command' | 'answer' | 'origin-changes' | 'wait' | 'age';

/** How often each thing happened in all runs: a property of what never happens would hold. */
const happened = new Map<string, number>();
const count = (what: string): void => void happened.set(what, (happened.get(what) ?? 0) + 1);

class World {
  readonly #clock = new FakeClock();
  /** Questions that the origin has not answered yet, and their answers as it stood when they were asked. */
  readonly #questions: (() => void)[] = [];
  readonly #instances = ['a', 'b'].map(() => this.#instance());
  #asked = 0;
  #originState = 0;
  #lastChange: LastChange = { kind: 'none' };
  #before: Entry | undefined;

  async do(kind: Kind, pick: number): Promise<void> {
    const { cache, named, listed } = this.#instances[pick % 2] ?? expect.unreachable();
    const clock = this.#clock;
    const untilMs = clock.nowMs() + 2000;
    switch (kind) {
      case 'command':
        await redis.step(pick);
        break;
      case 'answer':
        this.#questions.splice(pick % Math.max(this.#questions.length, 1), 1)[0]?.();
        break;
      case 'origin-changes':
        this.#originState += 1;
        break;
      case 'wait':
        await clock.advance(300);
        break;
      case 'age':
        clock.jumpWall(400_000);
        break;
      case 'read':
        void cache.read(entryKey, untilMs);
        break;
      case 'put':
        this.#write(cache, { kind: 'none', etags: [] });
        break;
      case 'put-if-same':
        this.#write(cache, { kind: 'match', etags: [newEntry(body, contentType, 0, 1).etag] });
        break;
      case 'put-if-none':
        this.#write(cache, { kind: 'none-match', etags: ['*'] });
        break;
      case 'remove':
        void cache.remove(entryKey, { kind: 'none', etags: [] }, untilMs).then((result) => {
          if (result.kind === 'removed' || result.kind === 'absent')
            this.#changed({ kind: 'removed', asked: this.#asked });
        });
        break;
      case 'warm':
      case 'warm-listed':
        void (kind === 'warm' ? named : listed)
          .run({ nextRunAtMs: clock.wallMs() + 350_000, deadlineAtMs: 1e15, endsAtMs: 1e15 })
          .catch(() => {});
    }
    await settle();
    await this.#check();
  }

  /** An entry that was loaded and is stale by now. */
  async fill(): Promise<void> {
    await this.do('read', 0);
    await this.#settle();
    await this.do('age', 0);
  }

  /** Until nothing is under way any more. */
  async end(): Promise<void> {
    for (let quiet = 0; quiet < 3; quiet += 1) {
      if (await this.#settle()) quiet = 0;
      await this.#clock.advance(3000);
    }
    for (const { cache } of this.#instances) void cache.stop();
  }

  async #settle(): Promise<boolean> {
    let steps = 0;
    for (; redis.waiting + this.#questions.length > 0; steps += 1) {
      await this.do('answer', 0);
      await this.do('command', 0);
    }
    return steps > 0;
  }

  #write(cache: Cache, condition: WriteCondition): void {
    const entry = newEntry(body, contentType, this.#clock.wallMs(), 86_400);
    void cache.write(entryKey, entry, condition, this.#clock.nowMs() + 2000).then((result) => {
      if (isDone(result)) this.#changed({ kind: 'wrote', bytes: encodeEntry(entry) });
    });
  }

  #changed(change: LastChange): void {
    count(this.#questions.length > 0 ? `${change.kind} while the origin was asked` : change.kind);
    this.#lastChange = change;
    this.#before = undefined;
  }

  async #check(): Promise<void> {
    const stored = await server.adminRaw('GET', key);
    const change = this.#lastChange;
    if (change.kind === 'wrote') {
      expect(stored).toEqual(change.bytes);
      return;
    }
    if (!Buffer.isBuffer(stored)) return;
    const decoded = decodeEntry(stored);
    const entry = decoded.kind === 'entry' ? decoded.entry : expect.unreachable();
    const asked = questionOf(entry);
    if (change.kind === 'removed') expect(asked).toBeGreaterThan(change.asked);
    // Nor does an older answer replace a newer one.
    if (this.#before !== undefined) expect(asked).toBeGreaterThanOrEqual(questionOf(this.#before));
    if (entry.writeId !== this.#before?.writeId)
      count(entry.etag === this.#before?.etag ? 'renewed' : 'loaded');
    this.#before = entry;
  }

  #origin(): Origin {
    return {
      load: (_name, { validators }) =>
        new Promise((resolve) => {
          this.#asked += 1;
          const state = `v${this.#originState}`;
          const answer: OriginAnswer =
            validators?.etag?.startsWith(`"${state}-`) === true
              ? { kind: 'unchanged', fields: {}, restrictions: [] }
              : {
                  kind: 'answered',
                  status: 200,
                  body,
                  codings: [],
                  fields: { 'content-type': contentType, etag: `"${state}-${this.#asked}"` },
                  restrictions: [],
                };
          this.#questions.push(() => resolve(answer));
        }),
    };
  }

  #instance() {
    const clock = this.#clock;
    const random = (): number => 0.5;
    const emit = (): void => {};
    const budget = new ByteBudget(2 ** 27);
    const maxValueBytes = 1000;
    const redisPort = redis.port;
    const common = {
      redis: redisPort,
      origin: this.#origin(),
      locks: new RedisLocks(redisPort, clock, 'ref'),
      random,
      health: new OriginHealth(emit, clock),
      maxValueBytes,
      budget,
      clock,
      emit,
    };
    const cache = new Cache({
      ...common,
      tier: new RedisTier(common),
      keyRules: { prefix: '', namespace: 'ref' },
      clientsWrite: true,
      defaultTtlSeconds: 300,
      staleSeconds: 86_400,
      requestBudgetMs: 2000,
    });
    const warmup = (isListed: boolean): Warmup =>
      new Warmup({
        ...common,
        cache,
        warmSet: warmSet(isListed),
        checkpoint: new Checkpoint(redisPort, 'ref', `${isListed}`),
      });
    return {
      cache,
      named: warmup(false),
      listed: warmup(true),
    };
  }
}

function isDone({ kind }: WriteResult): boolean {
  return kind === 'created' || kind === 'replaced';
}

/** The question that brought it. */
function questionOf({ loaded }: Entry): number {
  return Number(/-(?<asked>\d+)"$/u.exec(loaded?.fields['etag'] ?? '')?.groups?.['asked']);
}

/** One key; a listing says of it what the cache has, as long as nothing changes. */
function warmSet(isListed: boolean): WarmSet {
  return {
    scope: `${isListed}`,
    async *pages() {
      const stored = await server.adminRaw('GET', key);
      const decoded = Buffer.isBuffer(stored) ? decodeEntry(stored) : undefined;
      const etag = decoded?.kind === 'entry' ? (decoded.entry.loaded?.fields['etag'] ?? 'x') : 'x';
      const listed = isListed ? { etag, bytes: body.length } : undefined;
      yield { candidates: [{ name: key, listed }], continuationToken: undefined };
    },
  };
}

it('what a client wrote stays until a client changes it, and what a client removed does not come back', async () => {
  const step = (...of: readonly Kind[]) => fc.record({ kind: fc.constantFrom(...of), pick: fc.nat(5) });
  const steps = fc.array(
    fc.oneof(
      { weight: 10, arbitrary: step('command') },
      { weight: 3, arbitrary: step('answer') },
      { weight: 3, arbitrary: step('read') },
      { weight: 4, arbitrary: step(...kinds, 'remove', 'remove') },
      { weight: 2, arbitrary: step('wait', 'age', 'origin-changes') },
    ),
    { minLength: 30, maxLength: 60 },
  );
  await fc.assert(
    fc.asyncProperty(steps, fc.boolean(), async (all, isFilled) => {
      await server.admin('FLUSHALL');
      const world = new World();
      if (isFilled) await world.fill();
      for (const { kind, pick } of all) await world.do(kind, pick);
      await world.end();
    }),
    { numRuns: 200 },
  );
  const much = [
    'wrote while the origin was asked',
    'removed while the origin was asked',
    'renewed',
    'loaded',
  ];
  for (const what of much) expect(happened.get(what) ?? 0, what).toBeGreaterThan(5);
});
