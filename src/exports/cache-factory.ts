// A factory as the source of a load: what it answers is stored by the same rules as an origin's answer.

import type { Source } from '../cache/source.ts';
import { maxTtlSeconds } from '../cache/freshness.ts';
import type { OriginHealth } from '../origin/origin-health.ts';
import type { LoadOptions as OriginLoadOptions, OriginAnswer } from '../origin/origin.ts';
import type { StoragePermission } from '../origin/storage.ts';
import { areTags, distinctTags, tagsExpectation } from '../origin/tags.ts';
import type { Clock } from '../util/clock.ts';
import { withDeadline } from '../util/deadline.ts';
import { AppError } from '../util/errors.ts';
import type { FactoryContext, LifetimeOptions } from './cache-api.ts';
import { loadLimitMs } from './cache-parts.ts';
import { encodeValue, type Serializer } from './cache-values.ts';

/** What all factories of a cache share. */
export interface FactoryDeps {
  readonly staleSeconds: number;
  readonly serializer: Serializer | undefined;
  readonly health: OriginHealth;
  readonly clock: Clock;
}

/** What a factory threw is the caller's, as it is. */
export class FactoryFailed extends AppError {
  readonly thrown: unknown;

  constructor(thrown: unknown) {
    super('origin-failed', `A factory failed: ${nameOf(thrown)}.`, { cause: thrown });
    this.thrown = thrown;
  }
}

const noFields = {};

/** One is made for each call, also for a hit: what it needs it works out when it is asked. */
export class FactorySource implements Source {
  readonly kind = 'factory';
  readonly health: OriginHealth;
  readonly #deps: FactoryDeps;
  readonly #ask: (context: FactoryContext) => unknown;
  readonly #options: LifetimeOptions<never>;

  constructor(deps: FactoryDeps, ask: (context: FactoryContext) => unknown, options: LifetimeOptions<never>) {
    this.health = deps.health;
    this.#deps = deps;
    this.#ask = ask;
    this.#options = options;
  }

  get maxWaitMs(): number {
    return this.#options.timeoutMs ?? loadLimitMs;
  }

  get acceptsNone(): boolean {
    return this.#options.negativeTtlSeconds !== undefined;
  }

  async load(
    _key: string,
    { signal, maxBytes, admits }: Pick<OriginLoadOptions, 'signal' | 'maxBytes' | 'admits'>,
  ): Promise<OriginAnswer> {
    const { clock } = this.#deps;
    const over = new AbortController();
    const limitMs = Math.max(this.maxWaitMs, loadLimitMs);
    const late = (): AppError =>
      new AppError('deadline-exceeded', `The factory did not answer within ${limitMs} ms.`);
    try {
      signal.throwIfAborted();
      const asked = (async () => this.#ask({ signal: over.signal }))();
      const value = await withDeadline(clock, clock.nowMs() + limitMs, asked, late, signal);
      return this.#answerOf(value, maxBytes, admits);
    } catch (error) {
      // It is told why: what it began for this answer has no use any more.
      over.abort(error);
      throw new FactoryFailed(error);
    }
  }

  #answerOf(value: unknown, maxBytes: number, admits: OriginLoadOptions['admits']): OriginAnswer {
    const { negativeTtlSeconds } = this.#options;
    if (value === null && negativeTtlSeconds !== undefined) {
      const permission = this.#allowed(negativeTtlSeconds);
      return { kind: 'none', status: 404, fields: noFields, permission };
    }
    const { body, contentType } = encodeValue(value, this.#deps.serializer);
    const tags = this.#tagsOf(value);
    return {
      kind: 'answered',
      status: 200,
      body,
      codings: [],
      fields: { 'content-type': contentType },
      restrictions: [],
      ...(tags === undefined ? {} : { tags }),
      permission: this.#permissionFor(value, body.length, maxBytes, admits),
    };
  }

  /** Whatever stands against storing it, its callers get the value. */
  #permissionFor(
    value: unknown,
    bytes: number,
    maxBytes: number,
    admits: OriginLoadOptions['admits'],
  ): StoragePermission {
    const ttlSeconds = this.#ttlOf(value);
    if (ttlSeconds === 0) return { kind: 'forbidden', reason: 'its factory gave it a lifetime of 0' };
    if (bytes > maxBytes) return { kind: 'forbidden', reason: 'it is larger than maxValueBytes' };
    if (admits?.(bytes) === false) return { kind: 'forbidden', reason: 'there was no memory for storing it' };
    return this.#allowed(ttlSeconds);
  }

  #ttlOf(value: unknown): number {
    const { ttlSeconds } = this.#options;
    if (typeof ttlSeconds === 'number') return ttlSeconds;
    const own = ttlSeconds(value as never);
    if (own >= 0 && own <= maxTtlSeconds) return own;
    const expected = `a number of seconds from 0 (not stored) to ${maxTtlSeconds}`;
    throw new AppError('options-invalid', `ttlSeconds: expected the function to return ${expected}.`);
  }

  #tagsOf(value: unknown): readonly string[] | undefined {
    const { tags } = this.#options;
    if (tags === undefined) return undefined;
    const own: unknown = typeof tags === 'function' ? tags(value as never) : tags;
    if (areTags(own)) return distinctTags(own);
    const expected = `an array of ${tagsExpectation}`;
    throw new AppError('options-invalid', `tags: expected the function to return ${expected}.`);
  }

  #allowed(lifetimeSeconds: number): StoragePermission {
    const { staleSeconds = this.#deps.staleSeconds, staleIfErrorSeconds = staleSeconds } = this.#options;
    return {
      kind: 'allowed',
      lifetimeSeconds,
      ageSeconds: 0,
      revalidate: false,
      staleAllowed: true,
      staleWhileRevalidateSeconds: staleSeconds,
      staleIfErrorSeconds,
    };
  }
}

/** The name and code of what was thrown: its message may hold anything, and this is logged. */
function nameOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return `it threw a ${typeof thrown}`;
  const { code } = thrown as NodeJS.ErrnoException;
  return typeof code === 'string' ? `${thrown.name} (${code})` : thrown.name;
}
