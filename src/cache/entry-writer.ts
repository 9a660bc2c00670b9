// What the origin has answered -> what stands in Redis. What a client wrote meanwhile is newer, and stays.

import type { Clock } from '../util/clock.ts';
import type { OriginAnswer, OriginResponse } from '../origin/origin.ts';
import { validatorsOf } from '../origin/response.ts';
import { storagePermission, strictest, type Fields, type StoragePermission } from '../origin/storage.ts';
import type { Terms } from '../origin/origins.ts';
import { taggedByAll, type Tagging } from '../origin/tags.ts';
import type { Entry, EntryHead, Lifetime, NotStored } from './entry.ts';
import { lifetimeOf, type LifetimeRules } from './freshness.ts';
import { isAbout, storableFields, updatedFields } from './stored-fields.ts';
import { extendedHead, loadedEntry } from './loaded-entry.ts';
import type { Guard, RemoveResult, WriteIdCondition, WriteResult, Tier } from './tier.ts';

export interface EntryWriterOptions {
  readonly tier: Tier;
  readonly clock: Clock;
  /** A number in [0, 1). */
  readonly random: () => number;
  /** Where neither the origin nor its terms say. */
  readonly rules: LifetimeRules;
}

/** What the origin says of an entry that it was asked about by its validators. */
type Unchanged = Extract<OriginAnswer, { kind: 'unchanged' }>;

interface Renewal {
  readonly loadMs?: number;
  readonly terms?: Terms | undefined;
  /** That of purges when the origin was asked; as it was where it was not asked. */
  readonly place?: number | undefined;
}

/** Removed is what may not be stored any more. */
export type Change = WriteResult | RemoveResult;

const timeLimitMs = 5000;
const noTerms: Terms = {};

export class EntryWriter {
  readonly #options: EntryWriterOptions;

  constructor(options: EntryWriterOptions) {
    this.#options = options;
  }

  /**
   * The entry with its lifetime from now on; without one where it may not be stored, or could not be used again.
   * @param place that of purges when the origin was asked.
   */
  entryOf(answer: OriginResponse, loadMs: number, terms: Terms = noTerms, place?: number): Entry {
    const nowMs = this.#options.clock.wallMs();
    const { status, tags } = answer;
    const tagging = taggedByAll([saying(tags), saying(terms.tags)]);
    const restrictions = [...answer.restrictions, ...tagging.restrictions];
    const fields = storableFields(answer.fields, status, nowMs);
    const permission =
      answer.permission ?? strictest(restrictions, storagePermission(answer.fields, status, nowMs));
    const lifetime = this.#lifetime(permission, fields, terms, nowMs);
    return loadedEntry({ ...answer, ...tagging }, fields, lifetime, loadMs, place);
  }

  /** Puts `entry` in the place of `held`, or of nothing where nothing was held, while `guard` holds. */
  store(key: string, entry: Entry, held: EntryHead | undefined, guard?: Guard): Promise<Change> {
    if (entry.freshness === undefined) return this.remove(key, held);
    const condition = replaceable(held, guard);
    return this.#options.tier.write(key, entry, condition, this.#deadline(), { guard });
  }

  /**
   * The entry as the origin's 304 leaves it (RFC 9111, section 4.3.4): without a lifetime where it ends it. Undefined
   * where that speaks of another state.
   */
  updated<T extends EntryHead>(
    held: T,
    answer: Pick<Unchanged, 'fields' | 'restrictions' | 'tags'>,
    { loadMs, terms = noTerms, place }: Renewal = {},
  ): T | undefined {
    const { loaded } = held;
    if (loaded === undefined) throw new TypeError('What did not come from the origin is never renewed.');
    if (!isAbout(loaded.fields, answer.fields)) return undefined;
    const { status, codings, isWeak } = loaded;
    const nowMs = this.#options.clock.wallMs();
    const all = updatedFields(loaded.fields, answer, nowMs);
    const tagging = taggedByAll([saying(answer.tags ?? held.tags), saying(terms.tags)]);
    const restrictions = [...answer.restrictions, ...tagging.restrictions];
    const permission = strictest(restrictions, storagePermission(all, status, nowMs));
    const fields = storableFields(all, status, nowMs);
    const lifetime = this.#lifetime(permission, fields, terms, nowMs);
    const tagged = { ...held, tags: tagging.tags };
    return extendedHead(
      tagged,
      { status, codings, fields, isWeak, loadMs: loadMs ?? loaded.loadMs },
      lifetime,
      place,
    );
  }

  /** Writes the new lifetime of `held`, whose bytes stay; removes it where it has none. */
  touch(key: string, held: EntryHead, head: EntryHead): Promise<Change> {
    if (head.freshness === undefined) return this.remove(key, held);
    return this.#options.tier.touch(key, writeIdOf(held), head, this.#deadline());
  }

  /** Removes what the origin has no more. */
  async remove(key: string, held: EntryHead | undefined): Promise<RemoveResult> {
    if (held === undefined) return { kind: 'precondition-failed' };
    return this.#options.tier.remove(key, { kind: 'same', writeId: writeIdOf(held) }, this.#deadline());
  }

  #lifetime(
    permission: StoragePermission,
    fields: Fields,
    terms: Terms,
    nowMs: number,
  ): Lifetime | NotStored {
    if (permission.kind === 'forbidden') {
      const { reason, noStore } = permission;
      return { reason, ...(noStore === true ? { noStore } : {}) };
    }
    const { rules, random } = this.#options;
    const { ttlSeconds = rules.defaultTtlSeconds, staleSeconds = rules.staleSeconds } = terms;
    const { etag, lastModified } = validatorsOf(fields, nowMs);
    const hasValidator = etag !== undefined || lastModified !== undefined;
    const lifetime = lifetimeOf(
      permission,
      { defaultTtlSeconds: ttlSeconds, staleSeconds },
      { nowMs, hasValidator },
      random(),
    );
    return (
      lifetime ?? { reason: 'it could not be used again: no lifetime is left, and no validator is there' }
    );
  }

  #deadline(): number {
    return this.#options.clock.nowMs() + timeLimitMs;
  }
}

/** Under a guard, which no removal leaves as it was, what is gone has expired; without one it may have been removed. */
function replaceable(held: EntryHead | undefined, guard: Guard | undefined): WriteIdCondition {
  if (held === undefined) return { kind: 'absent' };
  return { kind: guard === undefined ? 'same' : 'same-or-absent', writeId: writeIdOf(held) };
}

function writeIdOf({ writeId }: EntryHead): string {
  if (writeId === undefined) throw new TypeError('What somebody else wrote is never renewed.');
  return writeId;
}

function saying(tags: readonly string[] | undefined): Tagging {
  return { restrictions: [], ...(tags === undefined ? {} : { tags }) };
}

/** Whether an entry stands there now. */
export function isStored({ kind }: Change): boolean {
  return kind === 'created' || kind === 'replaced';
}
