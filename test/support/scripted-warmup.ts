// What the warmup stands on, scripted: a cache, a warm set in pages, and a checkpoint.

import type { EntryHead } from '../../src/cache/entry.ts';
import { checkKey, type EntryKey, type KeyResult } from '../../src/cache/key.ts';
import type { Refreshed, RefreshRequest } from '../../src/cache/refresher.ts';
import type { HeadResult } from '../../src/cache/tier.ts';
import { delay, type Clock } from '../../src/util/clock.ts';
import { AppError } from '../../src/util/errors.ts';
import type { WarmPage, WarmSet } from '../../src/warmup/warm-set.ts';

/** Nothing is cached, and everything can be loaded, unless it is said otherwise. */
export class ScriptedCache {
  /** By name. */
  readonly heads = new Map<string, HeadResult>();
  isAway = false;
  /** Entries asked for, in order. */
  readonly refreshed: { readonly name: string; readonly request: RefreshRequest }[] = [];
  readonly extended: string[] = [];
  /** How many heads were read at a time. */
  readonly headReads: number[] = [];
  onRefresh: (name: string, request: RefreshRequest) => Promise<Refreshed> | Refreshed = () => ({
    kind: 'loaded',
    bytes: 1,
  });

  get names(): readonly string[] {
    return this.refreshed.map(({ name }) => name);
  }

  keyOf(name: string): KeyResult {
    return checkKey(name, { prefix: '', namespace: 'ref' });
  }

  async readHeads(keys: readonly EntryKey[]): Promise<readonly HeadResult[]> {
    this.headReads.push(keys.length);
    const error = new AppError('redis-unavailable', 'away');
    return keys.map(({ name }) =>
      this.isAway ? { kind: 'unavailable', error } : (this.heads.get(name) ?? { kind: 'miss' }),
    );
  }

  async refresh({ name }: EntryKey, request: RefreshRequest): Promise<Refreshed> {
    this.refreshed.push({ name, request });
    return this.onRefresh(name, request);
  }

  async extend({ name }: EntryKey, _held: EntryHead): Promise<Refreshed> {
    this.extended.push(name);
    return { kind: 'renewed' };
  }
}

/** A page for each list of names; page n is asked for by the token `n`. */
export class ScriptedWarmSet implements WarmSet {
  readonly scope = 'scope';
  names: readonly (readonly string[])[];
  /** Pages asked for, in order. */
  readonly asked: number[] = [];
  readonly failing = new Set<number>();
  /** Other pages than those of `names`. */
  readonly instead = new Map<number, WarmPage>();
  knowsTokens = true;
  delayMs = 0;
  readonly #clock: Clock;

  constructor(clock: Clock, names: readonly (readonly string[])[]) {
    this.#clock = clock;
    this.names = names;
  }

  async *pages(from: string | undefined, signal: AbortSignal): AsyncGenerator<WarmPage> {
    if (from !== undefined && !this.knowsTokens) throw new AppError('origin-failed', 'unknown token');
    for (let index = Number(from ?? 0); index < this.names.length; index += 1) {
      this.asked.push(index);
      if (this.delayMs > 0) await this.#answer(signal);
      if (this.failing.has(index) || signal.aborted) throw new AppError('origin-failed', `No page ${index}.`);
      const other = this.instead.get(index);
      if (other !== undefined) {
        yield other;
        continue;
      }
      const candidates = (this.names[index] ?? []).map((name) => ({
        name,
        listed: { etag: '"listed"', bytes: 1 },
      }));
      yield { candidates, continuationToken: index + 1 < this.names.length ? `${index + 1}` : undefined };
    }
  }

  async #answer(signal: AbortSignal): Promise<void> {
    const aborted = new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
    await Promise.race([delay(this.#clock, this.delayMs), aborted]);
  }
}

export class ScriptedCheckpoint {
  token: string | undefined;
  /** What was written, in order. */
  readonly written: (string | undefined)[] = [];
  isAway = false;

  async read(): Promise<string | undefined> {
    this.#ask();
    return this.token;
  }

  async write(token: string | undefined): Promise<void> {
    this.#ask();
    this.written.push(token);
    this.token = token;
  }

  #ask(): void {
    if (this.isAway) throw new AppError('redis-unavailable', 'away');
  }
}

/** The head of an entry that came from the origin. */
export function loadedHead(
  storedAtMs: number,
  fields: Readonly<Record<string, string>>,
  { ttlSeconds = 100, revalidate = false } = {},
): EntryHead {
  return {
    contentType: 'text/plain',
    etag: 'any',
    writeId: 'write',
    freshness: { storedAtMs, ttlSeconds },
    loaded: {
      status: 200,
      codings: [],
      fields,
      isWeak: false,
      loadMs: 1,
      revalidate,
      staleAllowed: true,
      staleWhileRevalidateSeconds: 0,
      staleIfErrorSeconds: 0,
      keptMs: 100_000,
    },
  };
}
