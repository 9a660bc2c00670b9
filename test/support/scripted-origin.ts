// An origin in memory that can be told to be slow, to fail, and to change, and that counts what it is asked.

import { systemClock, type Clock } from '../../src/util/clock.ts';
import { AppError } from '../../src/util/errors.ts';
import type {
  ListedEntry,
  LoadOptions,
  Origin,
  OriginAnswer,
  OriginListing,
} from '../../src/origin/origin.ts';
import type { Fields } from '../../src/origin/storage.ts';

export class ScriptedOrigin implements Origin {
  readonly kind = 'http';
  readonly entries = new Map<string, { body: Buffer; version: number }>();
  /** Names asked for, in order; `conditional` where a validator came along. */
  readonly loads: { readonly name: string; readonly atMs: number; readonly conditional: boolean }[] = [];
  bodiesMoved = 0;
  delayMs = 0;
  /** For single names, instead of `delayMs`. */
  readonly delaysMs = new Map<string, number>();
  failing = false;
  /** Whether an entry has a validator. */
  validates = true;
  /** Header fields of every answer, `Cache-Control` say. */
  fields: Fields = {};
  /** Answers of another status than the entry's, by name. */
  readonly statuses = new Map<string, number>();
  /** Asked at every load, after its delay: it answers, throws what the load fails with, or leaves it as it is. */
  decide: ((name: string) => OriginAnswer | undefined) | undefined;
  /** Whole answers instead of the entry's, by name; an error is thrown. */
  readonly answers = new Map<string, (options: Partial<LoadOptions>) => OriginAnswer | Error>();
  /** Whether a listing can only begin at the start. */
  refusesTokens = false;
  /** Entries a page of a listing. */
  pageSize = 1000;
  /** The most loads at once. */
  peak = 0;
  /** Pages that have been asked for. */
  pages = 0;
  #now = 0;
  readonly #clock: Clock;

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  set(name: string, body: string | Buffer): void {
    const version = (this.entries.get(name)?.version ?? 0) + 1;
    this.entries.set(name, { body: Buffer.from(body), version });
  }

  async load(name: string, options: Partial<LoadOptions>): Promise<OriginAnswer> {
    const { validators, signal, admits } = options;
    const asked = validators?.etag;
    this.loads.push({ name, atMs: this.#clock.wallMs(), conditional: asked !== undefined });
    this.#now += 1;
    this.peak = Math.max(this.peak, this.#now);
    // As it was when it was asked, however long the answer is on its way.
    const entry = this.entries.get(name);
    await this.#answered(this.delaysMs.get(name) ?? this.delayMs, signal);
    this.#now -= 1;
    const decided = this.decide?.(name);
    if (decided !== undefined) return decided;
    if (this.failing || signal?.aborted === true)
      throw new AppError('origin-failed', 'The origin was told to fail.');
    const answer = this.answers.get(name)?.(options);
    if (answer instanceof Error) throw answer;
    if (answer !== undefined) return answer;
    if (entry === undefined) return { kind: 'none', status: 404, fields: this.fields };
    const etag = `"v${entry.version}"`;
    if (asked === etag) return { kind: 'unchanged', fields: this.fields, restrictions: [] };
    if (admits?.(entry.body.length) === false) return { kind: 'not-admitted' };
    this.bodiesMoved += 1;
    return {
      kind: 'answered',
      status: this.statuses.get(name) ?? 200,
      body: entry.body,
      codings: [],
      fields: { 'content-type': 'text/plain', ...(this.validates ? { etag } : {}), ...this.fields },
      restrictions: [],
    };
  }

  /** Resolves when the answer is there, or nobody waits for it any more. */
  #answered(delayMs: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      if (delayMs <= 0 || signal?.aborted === true) return resolve();
      const cancel = this.#clock.after(delayMs, resolve);
      signal?.addEventListener('abort', () => (cancel(), resolve()), { once: true });
    });
  }

  readonly listing: OriginListing = {
    scope: 'https://account.example/container',
    pages: (prefix, { continuationToken }) => this.#pages(prefix, continuationToken),
  };

  async *#pages(prefix: string, continuationToken: string | undefined) {
    const names = [...this.entries.keys()].filter((name) => name.startsWith(prefix));
    for (let at = Number(continuationToken ?? 0); ; at += this.pageSize) {
      this.pages += 1;
      if (this.failing || (this.refusesTokens && continuationToken !== undefined))
        throw new AppError('origin-failed', 'The origin was told to fail.');
      const page = names.slice(at, at + this.pageSize).map((key): ListedEntry => {
        const { body, version } = this.entries.get(key) ?? { body: Buffer.alloc(0), version: 0 };
        return { key, etag: `"v${version}"`, bytes: body.length };
      });
      const isLast = at + this.pageSize >= names.length;
      yield { entries: page, continuationToken: isLast ? undefined : `${at + this.pageSize}` };
      if (isLast) return;
    }
  }
}
