// The values of answers, for their readers alone. Those of entries that stay in memory are parsed once, and copied for
// each reader; they go when their entries go.

import type { CacheAnswer } from '../cache/answer.ts';
import type { Entry } from '../cache/entry.ts';
import { decodeValue, isJsonType, type Serializer } from './cache-values.ts';
import { bytesOfJson, copyOfJson } from './json-values.ts';

/** Where the entries are. */
export interface MemoryOfEntries {
  /** Counts `bytes` more for this entry of `key`; false where that is not there any more, or has no room. */
  grow(key: string, entry: Entry, bytes: number): boolean;
}

type Known =
  /** A value that is read once more is worth its memory. */
  | { readonly kind: 'read-once' }
  | { readonly kind: 'kept'; readonly value: unknown }
  /** It has no room, or is no JSON. */
  | { readonly kind: 'never' };

const readOnce = { kind: 'read-once' } as const;
const never = { kind: 'never' } as const;
// A place in a table that does not hold its keys.
const placeBytes = 96;

export class AnsweredValues {
  readonly #memory: MemoryOfEntries | undefined;
  readonly #serializer: Serializer | undefined;
  readonly #values = new WeakMap<Entry, Known>();

  constructor(serializer: Serializer | undefined, memory: MemoryOfEntries | undefined) {
    this.#serializer = serializer;
    this.#memory = memory;
  }

  /**
   * What `decodeValue` gives, or throws.
   * @param key in Redis.
   */
  valueOf(key: string, answer: Extract<CacheAnswer, { kind: 'hit' | 'loaded' }>): unknown {
    const { entry } = answer;
    if (answer.kind === 'hit' && answer.from === 'memory' && this.#memory !== undefined)
      return this.#valueInMemory(key, entry, this.#memory);
    // Who waited for the same load has the same bytes, too.
    return decodeValue(entry, answer.kind === 'loaded' || answer.from !== undefined, this.#serializer);
  }

  #valueInMemory(key: string, entry: Entry, memory: MemoryOfEntries): unknown {
    const known = this.#values.get(entry);
    if (known?.kind === 'kept') return copyOfJson(known.value);
    const value = decodeValue(entry, true, this.#serializer);
    if (known === undefined) this.#values.set(entry, this.#isJson(entry) ? readOnce : never);
    if (known?.kind !== 'read-once') return value;
    return value instanceof Promise
      ? value.then((decoded) => this.#keep(key, entry, decoded, memory))
      : this.#keep(key, entry, value, memory);
  }

  #isJson({ contentType }: Entry): boolean {
    return contentType !== this.#serializer?.contentType && isJsonType(contentType);
  }

  #keep(key: string, entry: Entry, value: unknown, memory: MemoryOfEntries): unknown {
    // Several may have waited for its decompression: the first one keeps it.
    if (this.#values.get(entry) !== readOnce) return value;
    const bytes = bytesOfJson(value) + placeBytes;
    const isKept = Number.isFinite(bytes) && memory.grow(key, entry, bytes);
    this.#values.set(entry, isKept ? { kind: 'kept', value } : never);
    return isKept ? copyOfJson(value) : value;
  }
}
