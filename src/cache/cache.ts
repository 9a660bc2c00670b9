// The one door to the cache: everything reads, writes, removes and loads through it.

import type { OriginHealth } from '../origin/origin-health.ts';
import type { Origin } from '../origin/origin.ts';
import type { ByteBudget, Charge } from '../util/byte-budget.ts';
import type { Clock } from '../util/clock.ts';
import { withDeadline } from '../util/deadline.ts';
import { AppError } from '../util/errors.ts';
import type { Flight } from '../util/single-flight.ts';
import { zip } from '../util/zip.ts';
import { answerOf, withinRoom, type CacheAnswer, type Forwarded } from './answer.ts';
import { EntryWriter } from './entry-writer.ts';
import type { Entry, EntryHead } from './entry.ts';
import { isServableOnError, standingOf } from './freshness.ts';
import { checkKey, type EntryKey, type KeyResult, type KeyRules } from './key.ts';
import type { LoadOutcome } from './load-outcome.ts';
import { Loader, redisShare } from './loader.ts';
import type { Locks } from './locks.ts';
import { Refresher, type Refreshed, type RefreshRequest } from './refresher.ts';
import type {
  HeadResult,
  ReadResult,
  RemoveResult,
  Room,
  Tier,
  WriteCondition,
  WriteResult,
} from './tier.ts';

export interface CacheOptions {
  readonly tier: Tier;
  readonly locks: Locks;
  /** Undefined: what the cache does not have is a miss. */
  readonly origin: Origin | undefined;
  readonly health: OriginHealth;
  readonly keyRules: KeyRules;
  /** Whether the cache may hold what the origin has not: then only Redis can say that a key is absent. */
  readonly clientsWrite: boolean;
  /** Of what comes from the origin without a lifetime. */
  readonly defaultTtlSeconds: number;
  readonly staleSeconds: number;
  readonly maxValueBytes: number;
  /** How long a load waits for its turn, or for another instance's load. */
  readonly requestBudgetMs: number;
  readonly budget: ByteBudget;
  readonly clock: Clock;
  /** A number in [0, 1). */
  readonly random: () => number;
}

/** Every method answers by its deadline, in milliseconds of the monotonic clock, and rejects only for a bug. */
export class Cache {
  readonly #options: CacheOptions;
  /** Undefined where there is no origin. */
  readonly #loader: Loader | undefined;
  readonly #refresher: Refresher | undefined;
  #readCount = 0;

  constructor(options: CacheOptions) {
    const { origin, requestBudgetMs, defaultTtlSeconds, staleSeconds } = options;
    this.#options = options;
    if (origin === undefined) return;
    const writer = new EntryWriter({ ...options, rules: { defaultTtlSeconds, staleSeconds } });
    this.#loader = new Loader({ ...options, origin, writer, maxWaitMs: requestBudgetMs });
    this.#refresher = new Refresher({ ...options, origin, writer });
  }

  /** Keys asked for that Redis has answered for, found or not, since the start. */
  get readCount(): number {
    return this.#readCount;
  }

  /** Checks the name of an entry. */
  keyOf(name: string): KeyResult {
    return checkKey(name, this.#options.keyRules);
  }

  /**
   * What is missing is loaded; what is stale is served and renewed.
   * @param charge holds the bytes of the answer until it is handed over.
   */
  async read(key: EntryKey, deadlineAtMs: number, charge?: Charge): Promise<CacheAnswer> {
    const result = await this.#options.tier.read(key.redisKey, this.#redisDeadline(deadlineAtMs), charge);
    return this.#answer(key, result, deadlineAtMs, charge && { charge });
  }

  /** All keys in one round trip; only what is missing is loaded. The answers in the order of the keys. */
  async readMany(
    keys: readonly EntryKey[],
    deadlineAtMs: number,
    room?: Room,
  ): Promise<readonly CacheAnswer[]> {
    const redisKeys = keys.map(({ redisKey }) => redisKey);
    const results = await this.#options.tier.readMany(redisKeys, this.#redisDeadline(deadlineAtMs), room);
    return Promise.all(
      zip(keys, results).map(async ([key, result]) => this.#answer(key, result, deadlineAtMs, room)),
    );
  }

  /** What is known of many keys without their bodies; loads nothing. The results in the order of the keys. */
  readHeads(keys: readonly EntryKey[], deadlineAtMs: number): Promise<readonly HeadResult[]> {
    return this.#options.tier.readHeads(
      keys.map(({ redisKey }) => redisKey),
      deadlineAtMs,
    );
  }

  /** @param charge holds the bytes until they have left. */
  write(
    { redisKey }: EntryKey,
    entry: Entry,
    condition: WriteCondition,
    deadlineAtMs: number,
    charge?: Charge,
  ): Promise<WriteResult> {
    return this.#options.tier.write(redisKey, entry, condition, deadlineAtMs, { charge });
  }

  /** Removes the entry if `condition` holds. */
  remove(key: EntryKey, condition: WriteCondition, deadlineAtMs: number): Promise<RemoveResult> {
    const { redisKey } = key;
    return (this.#loader ?? this.#options.tier).remove(redisKey, condition, deadlineAtMs);
  }

  /** Brings an entry up to date with the origin before it is asked for. */
  refresh(key: EntryKey, request: RefreshRequest): Promise<Refreshed> {
    return this.#withOrigin().refresh(key, request);
  }

  /** Gives an entry of the origin's a new lifetime that is known to be unchanged. */
  extend(key: EntryKey, held: EntryHead): Promise<Refreshed> {
    return this.#withOrigin().extend(key, held);
  }

  /** Ends what is in flight, so that locks are given back before the connection goes. */
  async stop(): Promise<void> {
    await this.#loader?.stop();
  }

  #withOrigin(): Refresher {
    if (this.#refresher === undefined) throw new TypeError('There is no origin to refresh entries from.');
    return this.#refresher;
  }

  #redisDeadline(deadlineAtMs: number): number {
    if (this.#loader === undefined) return deadlineAtMs;
    const nowMs = this.#options.clock.nowMs();
    return nowMs + (deadlineAtMs - nowMs) * redisShare;
  }

  async #answer(
    key: EntryKey,
    result: ReadResult,
    deadlineAtMs: number,
    room: Room | undefined,
  ): Promise<CacheAnswer> {
    const { clock, random } = this.#options;
    if (result.kind !== 'unavailable') this.#readCount += 1;
    if (result.kind === 'hit') {
      const { entry } = result;
      const standing = standingOf(entry, clock.wallMs(), random());
      if (standing === 'expired') return withinRoom(await this.#validated(key, entry, deadlineAtMs), room);
      if (standing !== 'fresh') this.#loader?.renew(key, entry);
      return { kind: 'hit', entry, stale: standing === 'stale' };
    }
    if (result.kind === 'miss') return withinRoom(await this.#loaded(key, deadlineAtMs), room);
    if (result.kind === 'unavailable' || result.kind === 'entry-newer')
      return withinRoom(await this.#bypassed(key, result, deadlineAtMs), room);
    // Asking the origin would make it more, not less.
    return result;
  }

  /** What the origin says of an entry that may not be used without asking it. */
  async #validated(key: EntryKey, entry: Entry, deadlineAtMs: number): Promise<CacheAnswer> {
    // Nobody is there who could say.
    if (this.#loader === undefined) return { kind: 'miss', origin: undefined };
    const answer = await this.#awaited(this.#loader.load(key, entry), 'stale', deadlineAtMs);
    const failed = answer.kind === 'origin-failed' || answer.kind === 'origin-pending';
    return failed && isServableOnError(entry, this.#options.clock.wallMs())
      ? { kind: 'hit', entry, stale: true, despite: answer.kind }
      : answer;
  }

  async #loaded(key: EntryKey, deadlineAtMs: number): Promise<CacheAnswer> {
    if (this.#loader === undefined) return { kind: 'miss', origin: undefined };
    return this.#awaited(this.#loader.load(key), 'miss', deadlineAtMs);
  }

  /** What the origin says where Redis cannot be asked, or has what only a newer version of the app can read. */
  async #bypassed(
    key: EntryKey,
    obstacle: Extract<ReadResult, { kind: 'unavailable' | 'entry-newer' }>,
    deadlineAtMs: number,
  ): Promise<CacheAnswer> {
    if (this.#loader === undefined) return obstacle;
    const why = obstacle.kind === 'unavailable' ? 'bypass' : obstacle.kind;
    const answer = await this.#awaited(this.#loader.bypass(key), why, deadlineAtMs);
    if (answer.kind === 'loaded') return answer;
    // Where clients write, only Redis knows that a key is absent. And where the origin fails as well, what keeps the cache
    // from answering is what counts, and its Retry-After.
    return answer.kind === 'miss' && !this.#options.clientsWrite ? answer : obstacle;
  }

  async #awaited(
    flight: Flight<LoadOutcome>,
    why: Forwarded['why'],
    deadlineAtMs: number,
  ): Promise<CacheAnswer> {
    try {
      const late = (): AppError => new AppError('deadline-exceeded', 'The origin has not answered in time.');
      const outcome = await withDeadline(this.#options.clock, deadlineAtMs, flight.result, late);
      return answerOf(outcome, why, flight.joined);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      return { kind: 'origin-pending' };
    } finally {
      flight.leave();
    }
  }
}
