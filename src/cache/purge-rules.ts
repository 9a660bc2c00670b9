// What has been purged, as rules in one order: which of them are about an entry, by its place in that order.

import type { EntryHead } from './entry.ts';
import { PurgePrefixes, type PurgePlaces } from './purge-prefixes.ts';

/** `stale`: it is served as that while it is renewed. `remove`: it is there no more. */
export type PurgeMode = 'stale' | 'remove';

export interface PurgeTarget {
  readonly kind: 'key' | 'prefix' | 'tag';
  /** A key or prefix in Redis; a tag with its scope before it, see `scopedTag`. */
  readonly name: string;
}

/** A rule as it is held, and told to others. */
export interface PurgeRule {
  /** Its mode and its target: see `ruleId`. */
  readonly id: string;
  readonly place: number;
  /** How long it is needed: then no entry is left that could be older. */
  readonly leftMs: number;
}

export type Judgement =
  | { readonly kind: 'kept' }
  | { readonly kind: 'removed' }
  /** Since about `sinceMs`, by the clock of Redis. */
  | { readonly kind: 'stale'; readonly sinceMs: number };

/** More at a time are refused. */
export const mostPurgeTargets = 10_000;
// Entries go by the clock of Redis, rules by that of this process: it may be a little faster.
const marginMs = 10_000;

const modes = { stale: 's', remove: 'r' } as const;
const kinds = { key: 'k', prefix: 'p', tag: 't' } as const;

/** One for each mode and target: purging the same again moves the rule. */
export function ruleId(mode: PurgeMode, { kind, name }: PurgeTarget): string {
  return modes[mode] + kinds[kind] + name;
}

/**
 * A tag of the entries under one key prefix: that of a cache, or a longer one within it. Neither holds a control
 * character.
 */
export function scopedTag(scope: string, tag: string): string {
  return `${scope}\n${tag}`;
}

interface Held {
  place: number;
  endsAtMs: number;
}

const kept: Judgement = { kind: 'kept' };
const removed: Judgement = { kind: 'removed' };

export class PurgeRules {
  readonly #held = new Map<string, Held>();
  readonly #keys = new Map<string, PurgePlaces>();
  readonly #tags = new Map<string, PurgePlaces>();
  /** Of all tags of a scope. */
  readonly #scopes = new Map<string, PurgePlaces>();
  /** Of the scopes: the beginnings of a key that may be one. */
  readonly #scopeLengths = new Set<number>();
  readonly #prefixes = new PurgePrefixes();
  #last = 0;
  #floor = 0;
  #firstEndMs = Number.POSITIVE_INFINITY;

  get size(): number {
    return this.#held.size;
  }

  /** The latest place of a rule so far. What has this place, or a later one, is purged by none. */
  get last(): number {
    return this.#last;
  }

  /** The latest place of a rule that is held no more: what is before it cannot be judged. */
  get floor(): number {
    return this.#floor;
  }

  raiseFloor(place: number): void {
    this.#floor = Math.max(this.#floor, place);
    this.#last = Math.max(this.#last, place);
  }

  /** @returns how many of them are new, or have moved. */
  add(rules: readonly PurgeRule[], nowMs: number): number {
    let changes = 0;
    for (const { id, place, leftMs } of rules) {
      const endsAtMs = nowMs + leftMs + marginMs;
      const known = this.#held.get(id);
      if (known !== undefined) known.endsAtMs = Math.max(known.endsAtMs, endsAtMs);
      if (known === undefined || known.place < place) {
        this.#held.set(id, { place, endsAtMs: Math.max(known?.endsAtMs ?? 0, endsAtMs) });
        this.#index(id);
        changes += 1;
      }
      this.#last = Math.max(this.#last, place);
      this.#firstEndMs = Math.min(this.#firstEndMs, endsAtMs);
    }
    return changes;
  }

  /** Forgets the rules that are needed no more. */
  drop(nowMs: number): void {
    if (nowMs < this.#firstEndMs) return;
    this.#firstEndMs = Number.POSITIVE_INFINITY;
    for (const [id, { place, endsAtMs }] of this.#held) {
      if (endsAtMs > nowMs) {
        this.#firstEndMs = Math.min(this.#firstEndMs, endsAtMs);
      } else {
        this.#held.delete(id);
        this.raiseFloor(place);
        this.#index(id);
      }
    }
  }

  /** All rules, for whoever has lost them. */
  all(nowMs: number): readonly PurgeRule[] {
    return [...this.#held].map(([id, { place, endsAtMs }]) => ({
      id,
      place,
      leftMs: Math.max(endsAtMs - marginMs - nowMs, 0),
    }));
  }

  placeOf(id: string): number {
    return this.#held.get(id)?.place ?? 0;
  }

  /**
   * What the purges after `place` say of an entry.
   * @param scope the key prefix of its cache.
   */
  judge(key: string, scope: string, head: EntryHead, place: number = head.place ?? 0): Judgement {
    // What somebody else wrote is no entry: no rule is about it.
    if (place >= this.#last || head.writeId === undefined) return kept;
    const found = { stale: 0, remove: 0 };
    raise(found, this.#keys.get(key));
    raise(found, this.#prefixes.of(key));
    if (this.#tags.size > 0) this.#raiseByTags(found, scope, head);
    for (const length of this.#scopeLengths) {
      if (length <= scope.length || length > key.length) continue;
      const within = key.slice(0, length);
      if (this.#scopes.has(within)) this.#raiseByTags(found, within, head);
    }
    if (found.remove > place) return removed;
    // A load that is older than a rule that has gone: nobody can say any more whether that was about it.
    const stale = Math.max(found.stale, head.loaded === undefined ? 0 : this.#floor);
    return stale > place ? { kind: 'stale', sinceMs: stale } : kept;
  }

  #raiseByTags(found: { stale: number; remove: number }, scope: string, head: EntryHead): void {
    if (head.tags !== undefined) {
      for (const tag of head.tags) raise(found, this.#tags.get(scopedTag(scope, tag)));
    }
    // An earlier version of the app, which knew no tags, has loaded it: it may have any.
    if (head.place === undefined && head.loaded !== undefined) raise(found, this.#scopes.get(scope));
  }

  /** The latest place of a purge of this key, whatever is under it. */
  lastOf(key: string): number {
    const found = { stale: this.#floor, remove: 0 };
    raise(found, this.#keys.get(key));
    raise(found, this.#prefixes.of(key));
    return Math.max(found.stale, found.remove);
  }

  /** Enters the latest places of a target where they are searched. */
  #index(id: string): void {
    const name = id.slice(2);
    const target = id.slice(1);
    const latest = (mode: PurgeMode): number => this.placeOf(modes[mode] + target);
    const places = { stale: latest('stale'), remove: latest('remove') };
    const current = places.stale === 0 && places.remove === 0 ? undefined : places;
    if (target.startsWith(kinds.prefix)) return this.#prefixes.set(name, current);
    if (target.startsWith(kinds.key)) return put(this.#keys, name, current);
    put(this.#tags, name, current);
    const scope = name.slice(0, Math.max(name.indexOf('\n'), 0));
    // It is not lowered when a rule goes: then what it is about is below the floor.
    const all = { ...(this.#scopes.get(scope) ?? { stale: 0, remove: 0 }) };
    raise(all, current);
    this.#scopes.set(scope, all);
    this.#scopeLengths.add(scope.length);
  }
}

function raise(places: { stale: number; remove: number }, by: PurgePlaces | undefined): void {
  if (by === undefined) return;
  if (by.stale > places.stale) places.stale = by.stale;
  if (by.remove > places.remove) places.remove = by.remove;
}

function put(into: Map<string, PurgePlaces>, name: string, places: PurgePlaces | undefined): void {
  if (places === undefined) into.delete(name);
  else into.set(name, places);
}
