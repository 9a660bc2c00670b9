// The one door to the cache: everything reads, writes, removes and loads through it.

import type { Tagging } from '../origin/tags.ts';
import { isObserved, operation, type Operation, type OperationFields } from '../telemetry/operations.ts';
import type { Charge } from '../util/byte-budget.ts';
import { zip } from '../util/zip.ts';
import type { CacheOptions } from './cache-options.ts';
import { refusedBy, withinRoom, type CacheAnswer } from './answer.ts';
import { countedChange } from './counted-change.ts';
import { EntryWriter } from './entry-writer.ts';
import type { Entry, EntryHead } from './entry.ts';
import { isServableUnconfirmed, standingOf } from './freshness.ts';
import { checkKey, type EntryKey, type KeyResult } from './key.ts';
import { redisShare } from './load-turns.ts';
import { Loader } from './loader.ts';
import { OriginSources } from './origin-sources.ts';
import type { PurgeOutcome } from './purge-call.ts';
import { purgeWith, type PurgeRequest } from './purge-request.ts';
import { countRead, tellRead } from './read-kind.ts';
import { Refresher, type Refreshed, type RefreshRequest } from './refresher.ts';
import { SourceAnswers } from './source-answers.ts';
import type { Read, ReadOptions, Source } from './source.ts';
import type { HeadResult, ReadResult, RemoveResult, Room, WriteCondition, WriteResult } from './tier.ts';

/** Every method answers by its deadline, in milliseconds of the monotonic clock, and rejects only for a bug. */
export class Cache {
  readonly #options: CacheOptions;
  readonly #loader: Loader;
  readonly #asking: SourceAnswers;
  readonly #sources: OriginSources;
  readonly #writer: EntryWriter;

  constructor(options: CacheOptions) {
    const { origins, requestBudgetMs, defaultTtlSeconds, staleSeconds } = options;
    this.#options = options;
    this.#sources = new OriginSources(origins, requestBudgetMs);
    this.#writer = new EntryWriter({ ...options, rules: { defaultTtlSeconds, staleSeconds } });
    this.#loader = new Loader({ ...options, writer: this.#writer });
    this.#asking = new SourceAnswers(options, this.#loader);
  }

  /** Checks the name of an entry. */
  keyOf(name: string): KeyResult {
    return checkKey(name, this.#options.keyRules);
  }

  /** What is missing is loaded; what is stale is served and renewed. At once where the tier answers at once. */
  read(
    key: EntryKey,
    deadlineAtMs: number,
    options: ReadOptions = noOptions,
  ): CacheAnswer | Promise<CacheAnswer> {
    if (!isObserved('cacheRead')) return this.#read(key, deadlineAtMs, options, undefined);
    return operation(
      'cacheRead',
      () => ({ keys: 1, key: () => key.name }),
      (own) => this.#read(key, deadlineAtMs, options, own),
    );
  }

  #read(
    key: EntryKey,
    deadlineAtMs: number,
    options: ReadOptions,
    own: Operation<'cacheRead'> | undefined,
  ): CacheAnswer | Promise<CacheAnswer> {
    const { charge, source = this.#sources.of(key) } = options;
    const redisUntilMs = source === undefined ? deadlineAtMs : this.#redisDeadline(deadlineAtMs);
    const read = { key, deadlineAtMs, source, options, room: charge && { charge }, own };
    const use = (result: ReadResult): CacheAnswer | Promise<CacheAnswer> => this.#answer(read, result);
    const { tier } = this.#options;
    if ('readThen' in tier) return tier.readThen(key.redisKey, redisUntilMs, charge, use);
    const result = tier.read(key.redisKey, redisUntilMs, charge);
    return result instanceof Promise ? result.then(use) : use(result);
  }

  /** All keys in one round trip; only what is missing is loaded. The answers in the order of the keys. */
  readMany(keys: readonly EntryKey[], deadlineAtMs: number, room?: Room): Promise<readonly CacheAnswer[]> {
    const begin = (): OperationFields['cacheRead'] => ({ keys: keys.length });
    return operation('cacheRead', begin, (own) => this.#readMany(keys, deadlineAtMs, room, own));
  }

  async #readMany(
    keys: readonly EntryKey[],
    deadlineAtMs: number,
    room: Room | undefined,
    own: Operation<'cacheRead'> | undefined,
  ): Promise<readonly CacheAnswer[]> {
    const redisKeys = keys.map(({ redisKey }) => redisKey);
    const sources = keys.map((key) => this.#sources.of(key));
    const isAnyAsked = sources.some((source) => source !== undefined);
    const redisUntilMs = isAnyAsked ? this.#redisDeadline(deadlineAtMs) : deadlineAtMs;
    const results = await this.#options.tier.readMany(redisKeys, redisUntilMs, room);
    return Promise.all(
      zip(keys, results).map(async ([key, result], index) =>
        this.#answer({ key, deadlineAtMs, source: sources[index], options: noOptions, room, own }, result),
      ),
    );
  }

  /** What is known of many keys without their bodies; loads nothing. The results in the order of the keys. */
  readHeads(keys: readonly EntryKey[], deadlineAtMs: number): Promise<readonly HeadResult[]> {
    const redisKeys = keys.map(({ redisKey }) => redisKey);
    return this.#options.tier.readHeads(redisKeys, deadlineAtMs);
  }

  /** @param charge holds the bytes until they have left. */
  write(
    { redisKey, name }: EntryKey,
    entry: Entry,
    condition: WriteCondition,
    deadlineAtMs: number,
    charge?: Charge,
  ): Promise<WriteResult> {
    const { measures, tier } = this.#options;
    return countedChange(
      measures,
      () => ({ change: 'write', key: () => name }),
      () => tier.write(redisKey, entry, condition, deadlineAtMs, { charge }),
    );
  }

  /** Removes the entry if `condition` holds. */
  remove(key: EntryKey, condition: WriteCondition, deadlineAtMs: number): Promise<RemoveResult> {
    return countedChange(
      this.#options.measures,
      () => ({ change: 'remove', key: () => key.name }),
      () => this.#loader.remove(key.redisKey, condition, deadlineAtMs),
    );
  }

  /**
   * Makes entries stale, or removes them, on all instances; waits until these have taken it in, or have to ask before they
   * answer. What somebody else wrote is removed by its key only.
   */
  async purge(request: PurgeRequest, deadlineAtMs: number): Promise<PurgeOutcome> {
    const { purges, tier, keyRules, measures } = this.#options;
    if (purges === undefined) throw new TypeError('This cache has no purges.');
    const deps = { log: purges, tier, keyPrefix: keyRules.prefix };
    return countedChange(
      measures,
      () => ({ change: 'purge' }),
      () => purgeWith(deps, request, deadlineAtMs),
    );
  }

  /** Brings an entry up to date with the origin before it is asked for. */
  refresh(key: EntryKey, request: RefreshRequest): Promise<Refreshed> {
    return this.#refresherOf(key).refresh(key, request);
  }

  /** Gives an entry of the origin's a new lifetime that is known to be unchanged. */
  extend(key: EntryKey, held: EntryHead, tagging?: Tagging): Promise<Refreshed> {
    return this.#refresherOf(key).extend(key, held, tagging);
  }

  /** What brings entries up to date with a source that is not the origin. */
  refresherFor(source: Pick<Source, 'kind' | 'load' | 'health' | 'terms'>): Refresher {
    return new Refresher({ ...this.#options, source, writer: this.#writer });
  }

  /** Ends what is in flight, so that locks are given back before the connection goes. */
  async stop(): Promise<void> {
    await this.#loader.stop();
  }

  #refresherOf(key: EntryKey): Refresher {
    const source = this.#sources.of(key);
    if (source === undefined) throw new TypeError('There is no origin to refresh the entry from.');
    return this.refresherFor(source);
  }

  #redisDeadline(deadlineAtMs: number): number {
    const { clock, requestBudgetMs } = this.#options;
    const nowMs = clock.nowMs();
    return nowMs + Math.min(deadlineAtMs - nowMs, requestBudgetMs) * redisShare;
  }

  /** At once where it is in the cache. Every answer leaves through here, or later through `#asked`. */
  #answer(read: Read, result: ReadResult): CacheAnswer | Promise<CacheAnswer> {
    const answer = this.#answerOf(read, result);
    return answer instanceof Promise ? answer : this.#counted(read, answer);
  }

  #counted({ own }: Read, answer: CacheAnswer): CacheAnswer {
    const kind = countRead(this.#options.measures.reads, answer);
    if (own !== undefined) tellRead(own, kind);
    return answer;
  }

  #answerOf(read: Read, result: ReadResult): CacheAnswer | Promise<CacheAnswer> {
    if (result.kind === 'hit') {
      const { clock, random } = this.#options;
      const { entry } = result;
      const standing = standingOf(entry, clock.wallMs(), random());
      if (standing === 'expired') return this.#asked(read, this.#asking.validated(read, result));
      if (standing !== 'fresh' && read.source !== undefined) this.#loader.renew(read.key, read.source, entry);
      return { kind: 'hit', entry, stale: standing === 'stale', from: result.from };
    }
    if (result.kind === 'miss') return this.#asked(read, this.#asking.loaded(read));
    if (result.kind === 'unavailable' && result.unconfirmed !== undefined) {
      const { unconfirmed, ...outage } = result;
      return this.#unconfirmed(read, unconfirmed) ?? this.#answerOf(read, outage);
    }
    if (result.kind === 'unavailable' || result.kind === 'entry-newer')
      return this.#asked(read, this.#asking.bypassed(read, result));
    // Asking the source would make it more, not less.
    return result;
  }

  /** Undefined where it may not be served any more. */
  #unconfirmed({ room }: Read, entry: Entry): CacheAnswer | undefined {
    if (!isServableUnconfirmed(entry, this.#options.clock.wallMs())) return undefined;
    const served = { kind: 'hit', entry, stale: true, despite: 'cache-unavailable', from: 'memory' } as const;
    return refusedBy(room, entry) ?? served;
  }

  async #asked(read: Read, answer: Promise<CacheAnswer>): Promise<CacheAnswer> {
    return this.#counted(read, withinRoom(await answer, read.room));
  }
}

const noOptions: ReadOptions = {};
