// What several instances, clients and warmups do to one entry, in the order that a property chooses, and what must hold
// of it after each step.

import { expect } from 'vitest';
import { Cache } from '../../src/cache/cache.ts';
import { isStored } from '../../src/cache/entry-writer.ts';
import { decodeEntry } from '../../src/cache/entry-decoder.ts';
import { encodeEntry } from '../../src/cache/entry-encoder.ts';
import { newEntry, type Entry } from '../../src/cache/entry.ts';
import type { WriteCondition } from '../../src/cache/tier.ts';
import type { Origin, OriginAnswer } from '../../src/origin/origin.ts';
import { OriginHealth } from '../../src/origin/origin-health.ts';
import { createOrigins } from '../../src/origin/origins.ts';
import { Measures } from '../../src/telemetry/measures.ts';
import { ByteBudget } from '../../src/util/byte-budget.ts';
import { Checkpoint } from '../../src/warmup/checkpoint.ts';
import { Warmup } from '../../src/warmup/warmup.ts';
import { FakeClock, settle } from './fake-clock.ts';
import {
  body,
  entryName,
  maxValueBytes,
  namespace,
  questionOf,
  warmSet,
  type SteppedServer,
} from './stepped-server.ts';

const entryKey = { name: entryName, redisKey: entryName };
const contentType = 'text/plain';

/** How often each thing happened in all runs: a property of what never happens would hold. */
export type Happened = Map<string, number>;

/** The last thing that a client did, and what was asked of the origin before it. */
type LastChange =
  | { readonly kind: 'none' }
  | { readonly kind: 'wrote'; readonly bytes: Buffer }
  | { readonly kind: 'removed'; readonly asked: number };

export const kinds = ['read', 'put', 'put-if-same', 'put-if-none', 'remove', 'warm', 'warm-listed'] as const;
export type Kind =
  (typeof kinds)[number] | 'command' | 'answer' | 'origin-changes' | 'wait' | 'age' | 'lock-expires';

export class WriteWorld {
  readonly #server: SteppedServer;
  readonly #happened: Happened;
  readonly #clock = new FakeClock();
  /** Questions that the origin has not answered yet, and their answers as it stood when they were asked. */
  readonly #questions: (() => void)[] = [];
  readonly #instances: readonly Instance[];
  #asked = 0;
  #originState = 0;
  #lastChange: LastChange = { kind: 'none' };
  #before: Entry | undefined;

  constructor(server: SteppedServer, happened: Happened) {
    this.#server = server;
    this.#happened = happened;
    this.#instances = ['a', 'b'].map(() => this.#instance());
  }

  async do(kind: Kind, pick: number): Promise<void> {
    const { cache, named, listed } = this.#instances[pick % 2] ?? expect.unreachable();
    const clock = this.#clock;
    const untilMs = clock.nowMs() + 2000;
    switch (kind) {
      case 'command':
        await this.#server.step(pick);
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
      case 'lock-expires':
        await this.#server.expireLock();
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
    for (; this.#server.waiting() + this.#questions.length > 0; steps += 1) {
      await this.do('answer', 0);
      await this.do('command', 0);
    }
    return steps > 0;
  }

  #write(cache: Cache, condition: WriteCondition): void {
    const entry = newEntry(body, contentType, this.#clock.wallMs(), 86_400);
    void cache.write(entryKey, entry, condition, this.#clock.nowMs() + 2000).then((result) => {
      if (isStored(result)) this.#changed({ kind: 'wrote', bytes: encodeEntry(entry) });
    });
  }

  #changed(change: LastChange): void {
    this.#count(this.#questions.length > 0 ? `${change.kind} while the origin was asked` : change.kind);
    this.#lastChange = change;
    this.#before = undefined;
  }

  async #check(): Promise<void> {
    const stored = await this.#server.stored();
    const change = this.#lastChange;
    if (change.kind === 'wrote') {
      expect(stored).toEqual(change.bytes);
      return;
    }
    if (stored === undefined) return;
    const decoded = decodeEntry(stored);
    const entry = decoded.kind === 'entry' ? decoded.entry : expect.unreachable();
    const asked = questionOf(entry);
    if (change.kind === 'removed') expect(asked).toBeGreaterThan(change.asked);
    // Nor does an older answer replace a newer one.
    if (this.#before !== undefined) expect(asked).toBeGreaterThanOrEqual(questionOf(this.#before));
    if (entry.writeId !== this.#before?.writeId)
      this.#count(entry.etag === this.#before?.etag ? 'renewed' : 'loaded');
    this.#before = entry;
  }

  #origin(): Origin {
    return {
      kind: 'http',
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

  #instance(): Instance {
    const clock = this.#clock;
    const random = (): number => 0.5;
    const emit = (): void => {};
    const budget = new ByteBudget(2 ** 27);
    const parts = this.#server.parts(clock, budget);
    const health = new OriginHealth(emit, clock);
    const origins = createOrigins({ origin: this.#origin(), health }, []);
    const measures = new Measures();
    const common = { ...parts, origins, measures, random, maxValueBytes, budget, clock, emit };
    const cache = new Cache({
      ...common,
      keyRules: { prefix: '', namespace },
      clientsWrite: true,
      defaultTtlSeconds: 300,
      staleSeconds: 86_400,
      requestBudgetMs: 2000,
    });
    const warmup = (isListed: boolean): Warmup =>
      new Warmup({
        ...common,
        cache,
        warmSet: warmSet(this.#server, isListed),
        checkpoint: new Checkpoint(parts.redis, namespace, `${isListed}`),
      });
    return { cache, named: warmup(false), listed: warmup(true) };
  }

  #count(what: string): void {
    this.#happened.set(what, (this.#happened.get(what) ?? 0) + 1);
  }
}

interface Instance {
  readonly cache: Cache;
  readonly named: Warmup;
  readonly listed: Warmup;
}
