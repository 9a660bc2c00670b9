// The keys that a tenant signs with, read once, kept while the authority is away, and read anew when they are old or a
// key is not among them: no more often than once a minute, whatever callers send.

import type { Emit } from '../../telemetry/events.ts';
import type { Clock } from '../../util/clock.ts';
import { fulfilledWithin } from '../../util/deadline.ts';
import { describe, secondsToWait } from '../../util/errors.ts';
import type { Published, PublishedKey, ReadPublished } from './authority.ts';

export interface KeySetOptions {
  readonly read: ReadPublished;
  readonly clock: Clock;
  readonly emit: Emit;
}

export type KeySearch =
  | { readonly kind: 'found'; readonly key: PublishedKey; readonly published: Published }
  /** The tenant publishes no such key, as was read a moment ago. */
  | { readonly kind: 'unknown' }
  /** Nobody can say now. */
  | { readonly kind: 'unavailable'; readonly retryAfterSeconds: number };

type State =
  /** Nothing has been read so far. */
  | { readonly kind: 'cold'; readonly failures: number; readonly nextAtMs: number }
  | {
      readonly kind: 'warm';
      readonly published: Published;
      readonly readAtMs: number;
      /** When it may be asked again. */
      readonly nextAtMs: number;
      /** Whether the authority answered when it was asked last. */
      readonly isConfirmed: boolean;
    }
  | { readonly kind: 'stopped' };

/** https://learn.microsoft.com/entra/identity-platform/signing-key-rollover */
const oldAfterMs = 24 * 3600 * 1000;
// After the end of a reading of two requests: so there are never more than two in a minute.
const pauseMs = 60_000;
// While nobody can be let in.
const longestColdPauseMs = 30_000;
const readLimitMs = 10_000;

export class KeySet {
  readonly #options: KeySetOptions;
  #abort: (reason: Error) => void = () => {};
  readonly #listeners: (() => void)[] = [];
  #state: State = { kind: 'cold', failures: 0, nextAtMs: Number.NEGATIVE_INFINITY };
  /** Never rejects. */
  #reading: Promise<void> | undefined;

  constructor(options: KeySetOptions) {
    this.#options = options;
  }

  /** Begins to read them, before the first token comes. */
  prefetch(): void {
    this.#readIfAllowed();
  }

  /** Ends a reading that is under way. */
  stop(): void {
    this.#state = { kind: 'stopped' };
    this.#abort(new Error('stopping'));
  }

  /** Calls `listener` whenever other keys are published than before. */
  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** The same object until others are published. */
  get published(): Published | undefined {
    return this.#state.kind === 'warm' ? this.#state.published : undefined;
  }

  /** Waits for a reading only where the key is not known. Never rejects. */
  async find(kid: string, deadlineAtMs: number): Promise<KeySearch> {
    const { clock } = this.#options;
    if (this.#isOld) this.#readIfAllowed();
    const known = this.#found(kid);
    if (known !== undefined) return known;
    this.#readIfAllowed();
    if (this.#reading !== undefined) {
      await fulfilledWithin(clock, deadlineAtMs - clock.nowMs(), this.#reading);
    }
    return this.#found(kid) ?? this.#missing();
  }

  /** Once they are known; @returns undefined where that takes longer. */
  async whenPublished(deadlineAtMs: number): Promise<Published | undefined> {
    if (this.published !== undefined) return this.published;
    await this.find('', deadlineAtMs);
    return this.published;
  }

  /** In how many seconds it may be worth while to ask again. */
  get retryAfterSeconds(): number {
    if (this.#reading !== undefined || this.#state.kind === 'stopped') return 1;
    return secondsToWait(this.#state.nextAtMs - this.#options.clock.nowMs());
  }

  #found(kid: string): KeySearch | undefined {
    const { published } = this;
    const key = published?.keys.get(kid);
    return published && key && { kind: 'found', key, published };
  }

  #missing(): KeySearch {
    const isKnown = this.#state.kind === 'warm' && this.#state.isConfirmed && this.#reading === undefined;
    return isKnown ? { kind: 'unknown' } : { kind: 'unavailable', retryAfterSeconds: this.retryAfterSeconds };
  }

  get #isOld(): boolean {
    const state = this.#state;
    return state.kind === 'warm' && this.#options.clock.nowMs() - state.readAtMs >= oldAfterMs;
  }

  #readIfAllowed(): void {
    const state = this.#state;
    if (this.#reading !== undefined || state.kind === 'stopped') return;
    if (this.#options.clock.nowMs() < state.nextAtMs) return;
    this.#reading = this.#read().finally(() => (this.#reading = undefined));
  }

  async #read(): Promise<void> {
    const { read, clock } = this.#options;
    const startedAtMs = clock.nowMs();
    const giveUp = new AbortController();
    this.#abort = (reason) => giveUp.abort(reason);
    const late = new Error(`it has not answered for ${readLimitMs} ms`);
    const cancelTimer = clock.after(readLimitMs, () => giveUp.abort(late));
    try {
      const published = await read(giveUp.signal);
      this.#adopt(published, clock.nowMs() - startedAtMs);
    } catch (error) {
      this.#failed(describe(error));
    } finally {
      cancelTimer();
    }
  }

  #adopt(published: Published, requestMs: number): void {
    const { clock, emit } = this.#options;
    const before = this.#state;
    if (before.kind === 'stopped') return;
    const nowMs = clock.nowMs();
    const isSame = before.kind === 'warm' && areSame(before.published, published);
    this.#state = {
      kind: 'warm',
      published: isSame ? before.published : published,
      readAtMs: nowMs,
      nextAtMs: nowMs + pauseMs,
      isConfirmed: true,
    };
    if (isSame) return;
    emit({ type: 'signingKeysRead', keys: published.keys.size, requestMs });
    for (const listener of this.#listeners) listener();
  }

  #failed(reason: string): void {
    const { clock, emit } = this.#options;
    const state = this.#state;
    if (state.kind === 'stopped') return;
    const nowMs = clock.nowMs();
    if (state.kind === 'warm') {
      this.#state = { ...state, nextAtMs: nowMs + pauseMs, isConfirmed: false };
    } else {
      const failures = state.failures + 1;
      const coldPauseMs = Math.min(1000 * 2 ** (failures - 1), longestColdPauseMs);
      this.#state = { kind: 'cold', failures, nextAtMs: nowMs + coldPauseMs };
    }
    emit({ type: 'signingKeysUnavailable', reason, keys: this.published?.keys.size ?? 0 });
  }
}

function areSame(one: Published, other: Published): boolean {
  const isSameKey = ([kid, { n, e }]: [string, PublishedKey]): boolean => {
    const key = one.keys.get(kid);
    return key?.n === n && key.e === e;
  };
  return (
    one.tenantId === other.tenantId &&
    one.issuers.join(' ') === other.issuers.join(' ') &&
    one.keys.size === other.keys.size &&
    [...other.keys].every(isSameKey)
  );
}
