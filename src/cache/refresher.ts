// Brings single entries up to date with the origin before they are asked for. Takes no lock: what a client writes, or
// removes, meanwhile is newer, and stays.

import { validatorsOf } from '../origin/response.ts';
import type { Measures } from '../telemetry/measures.ts';
import type { Operation } from '../telemetry/operations.ts';
import type { Clock } from '../util/clock.ts';
import type { Tagging } from '../origin/tags.ts';
import { AppError } from '../util/errors.ts';
import { counted, loadOperation } from './counted-load.ts';
import { hasTags, isWithoutTags, type EntryHead } from './entry.ts';
import { isStored, type Change, type EntryWriter } from './entry-writer.ts';
import type { EntryKey } from './key.ts';
import type { Locks } from './locks.ts';
import type { Source } from './source.ts';
import type { PurgeLog } from './purge-log.ts';

export type Refreshed =
  | { readonly kind: 'loaded'; readonly bytes: number }
  /** Unchanged, and given a new lifetime. */
  | { readonly kind: 'renewed' }
  /** Unchanged, and fresh for long enough: nothing was written. */
  | { readonly kind: 'current' }
  /** Somebody wrote or removed it meanwhile. */
  | { readonly kind: 'superseded' }
  /** It was ended by `signal`. */
  | { readonly kind: 'aborted' }
  | { readonly kind: 'failed'; readonly cause: RefreshFailure };

export type RefreshFailure =
  | 'cache-unavailable'
  | 'wrong-type'
  /** The origin did not answer. */
  | 'origin-failed'
  /** What it answered could not be used. */
  | 'unusable'
  | 'not-found'
  | 'not-cacheable'
  | 'value-too-large'
  | 'changed-meanwhile'
  | `answered-${number}`;

export interface RefreshRequest {
  /** What is in the cache. */
  readonly held: EntryHead | undefined;
  /** Whether it is known to have changed at the origin: then all of it is asked for at once. */
  readonly isChanged: boolean;
  /** Whether it is fresh for long enough if it has not changed. */
  readonly isFresh: boolean;
  readonly signal: AbortSignal;
}

export interface RefresherOptions {
  readonly source: Pick<Source, 'kind' | 'load' | 'health' | 'terms'>;
  readonly measures: Pick<Measures, 'events' | 'latencies'>;
  readonly writer: EntryWriter;
  readonly locks: Locks;
  readonly maxValueBytes: number;
  readonly clock: Clock;
  /** Undefined where nothing is ever purged. */
  readonly purges?: Pick<PurgeLog, 'known'> | undefined;
}

const commandLimitMs = 5000;
const nothingSaid: Tagging = { restrictions: [] };

export class Refresher {
  readonly #options: RefresherOptions;

  constructor(options: RefresherOptions) {
    this.#options = options;
  }

  /** Asks the origin, and stores what it says. */
  async refresh(key: EntryKey, request: RefreshRequest): Promise<Refreshed> {
    const { source } = this.#options;
    try {
      return await loadOperation('warmup', source, key, (own) => this.#refresh(key, request, own));
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      if (request.signal.aborted) return { kind: 'aborted' };
      if (error.code !== 'origin-failed') return failed('cache-unavailable');
      if (error.isOfOneEntry) return failed('unusable');
      source.health.failed(error, key.name);
      return failed('origin-failed');
    }
  }

  /**
   * Gives an entry a new lifetime that is known to be unchanged.
   * @param tagging what a listing says of its tags.
   */
  async extend(key: EntryKey, held: EntryHead, tagging: Tagging = nothingSaid): Promise<Refreshed> {
    const { writer, source } = this.#options;
    const head = writer.updated(held, { fields: {}, ...tagging }, { terms: source.terms });
    return head === undefined ? failed('changed-meanwhile') : this.#touch(key, held, head);
  }

  async #refresh(
    key: EntryKey,
    { held, isChanged, isFresh, signal }: RefreshRequest,
    own: Operation<'originLoad'> | undefined,
  ): Promise<Refreshed> {
    const { source, writer, locks, clock, maxValueBytes, purges } = this.#options;
    const { health, terms } = source;
    const guard = await locks.guardWithoutLock(key.redisKey, clock.nowMs() + commandLimitMs);
    const place = purges?.known;
    const validators =
      isChanged || held?.loaded === undefined || isWithoutTags(held, place)
        ? undefined
        : validatorsOf(held.loaded.fields, clock.wallMs());
    const { answer, loadMs } = await counted(this.#options, { why: 'warmup', signal, own }, () =>
      source.load(key.name, { validators, maxBytes: maxValueBytes, signal }),
    );
    health.answered(key.name);
    switch (answer.kind) {
      case 'answered': {
        // The origin's word on this entry, which readers are told when they ask.
        if (answer.status >= 400) return failed(`answered-${answer.status}`);
        const entry = writer.entryOf(answer, loadMs, terms, place);
        const { notStored } = entry.loaded ?? {};
        if (notStored !== undefined) health.notStored(notStored.reason);
        if (entry.freshness === undefined) return failed('not-cacheable');
        const result = await writer.store(key.redisKey, entry, held, guard);
        if (!isStored(result)) return notWritten(result);
        locks.forget({ kind: 'load', name: key.redisKey });
        return { kind: 'loaded', bytes: answer.body.length };
      }
      case 'unchanged': {
        if (held === undefined) throw new TypeError('The origin said "unchanged" without having been asked.');
        const head = writer.updated(held, answer, { loadMs, terms, place });
        if (isFresh && (head === undefined || isStandingSo(held, head))) return { kind: 'current' };
        return head === undefined ? failed('changed-meanwhile') : this.#touch(key, held, head);
      }
      case 'none':
        return failed('not-found');
      case 'too-large':
        return failed('value-too-large');
      case 'not-admitted':
        throw new TypeError('The origin kept back what it was not asked to.');
    }
  }

  async #touch({ redisKey }: EntryKey, held: EntryHead, head: EntryHead): Promise<Refreshed> {
    const result = await this.#options.writer.touch(redisKey, held, head);
    if (head.freshness === undefined) return failed('not-cacheable');
    return isStored(result) ? { kind: 'renewed' } : notWritten(result);
  }
}

/** Whether nothing but its lifetime would change. */
function isStandingSo(held: EntryHead, head: EntryHead): boolean {
  return head.freshness !== undefined && hasTags(held, head.tags) && hasTags(head, held.tags);
}

function failed(cause: RefreshFailure): Refreshed {
  return { kind: 'failed', cause };
}

function notWritten({ kind }: Change): Refreshed {
  if (kind === 'unavailable') return failed('cache-unavailable');
  return kind === 'wrong-type' ? failed('wrong-type') : { kind: 'superseded' };
}
