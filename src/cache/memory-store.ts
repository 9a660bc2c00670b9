// Copies of entries in this process, the most recently read ones within a limit of bytes, and which of them are true:
// each belongs to the connection that it was read on, which hears of its changes.

import { LRUCache } from 'lru-cache';
import type { RedisClient, Tracker, Tracking } from '../redis/redis.ts';
import type { Measures } from '../telemetry/measures.ts';
import type { Clock } from '../util/clock.ts';
import type { LoopWatch } from '../util/loop-watch.ts';
import type { Copies, Reading } from './copies.ts';
import type { Entry } from './entry.ts';
import { storedBytesOf } from './entry-encoder.ts';
import { trackedKey } from './lock-keys.ts';
import { ReadBefore } from './read-before.ts';
import type { Value } from './tier.ts';

export interface MemoryStoreOptions {
  readonly tracking: Tracking;
  /** Of the keys by which it is found out whether changes are heard. */
  readonly namespace: string;
  readonly clock: Clock;
  readonly loop: Pick<LoopWatch, 'isCurrent' | 'stop'>;
  /** Of all copies together, their heads and keys included. */
  readonly maxBytes: number;
  /** Which keys were read before; what is read once is not kept. */
  readonly readBefore?: Pick<ReadBefore, 'has' | 'add'> | undefined;
  /** How old a copy may be where Redis does not say which keys change; 0: then there is none. */
  readonly maxAgeMs: number;
  /** Where copies are counted that had to give way, and those that were changed. */
  readonly counts?: Pick<Measures['events'], 'memoryEvictions' | 'memoryInvalidations'> | undefined;
}

/** An entry in memory; `hit` is what is answered with it, each time the same. */
export interface Copy {
  readonly hit: Extract<Value, { kind: 'hit' }>;
  readonly tracker: Tracker;
  /** Of its key. */
  readonly slot: number;
  /** What it takes here, and as a string in Redis. */
  readonly bytes: number;
  readonly storedBytes: number;
  /** Redis has it at least until then, unless it is changed. */
  readonly endsAtMs: number;
  /** When it is too old where nobody says whether it has changed. */
  readonly oldAtMs: number;
}

// One value must not drive out all others.
const largestShare = 1 / 4;
// Objects of V8 for an entry with its fields, the buffer of its body and its places in two tables.
const overheadBytes = 1024;

export class MemoryStore implements Copies {
  readonly #options: MemoryStoreOptions;
  readonly #copies: LRUCache<string, Copy>;
  readonly #readBefore: Pick<ReadBefore, 'has' | 'add'>;
  /** One for a key, and none that anything has been heard of since. */
  readonly #readings = new Map<string, OpenReading>();
  readonly #counts: NonNullable<MemoryStoreOptions['counts']>;
  readonly #stopListening: () => void;

  constructor(options: MemoryStoreOptions) {
    const { maxBytes, tracking, counts = { memoryEvictions: 0, memoryInvalidations: 0 } } = options;
    this.#options = options;
    this.#counts = counts;
    this.#readBefore = options.readBefore ?? new ReadBefore();
    this.#copies = new LRUCache({
      maxSize: maxBytes,
      maxEntrySize: Math.max(Math.floor(maxBytes * largestShare), 1),
      sizeCalculation: ({ bytes }) => bytes,
      dispose: (_copy, _key, reason) => {
        if (reason === 'evict') counts.memoryEvictions += 1;
      },
    });
    this.#stopListening = tracking.listen((tracker, key) =>
      key === undefined ? this.#forgetAll(tracker) : this.#onChanged(key),
    );
  }

  get usedBytes(): number {
    return this.#copies.calculatedSize;
  }

  get entries(): number {
    return this.#copies.size;
  }

  get maxBytes(): number {
    return this.#options.maxBytes;
  }

  get(key: string): Copy | undefined {
    return this.#copies.get(key);
  }

  /** Whether it may be served without asking Redis. */
  isCurrent({ tracker, slot, endsAtMs, oldAtMs }: Copy): boolean {
    const { clock, loop, tracking } = this.#options;
    const nowMs = clock.nowMs();
    const isRead = loop.isCurrent(nowMs);
    if (nowMs >= endsAtMs) return false;
    if (!tracker.isTracking) return nowMs < oldAtMs;
    // The connection may have been replaced, or the slot be on another node.
    return isRead && tracking.serving(slot) === tracker && tracker.isCurrent(nowMs);
  }

  /** The copy, if nobody could know better: Redis cannot be asked, and has not been since its connection was lost. */
  unconfirmed(key: string): Entry | undefined {
    const copy = this.#copies.peek(key);
    if (copy === undefined || this.#options.clock.nowMs() >= copy.endsAtMs) return undefined;
    return this.#options.tracking.serving(copy.slot) === copy.tracker ? copy.hit.entry : undefined;
  }

  /** Whatever is known of the key, or is being read, may not be true any more. */
  forget(key: string): void {
    this.#copies.delete(key);
    const reading = this.#readings.get(key);
    if (reading !== undefined) this.#spoil(key, reading);
  }

  /** As `forget`, unless another copy has taken its place. */
  drop(key: string, copy: Copy): void {
    if (this.#copies.peek(key)?.hit === copy.hit) this.#copies.delete(key);
  }

  /** Counts `bytes` more for this entry of `key`; false where it is not there any more, or has no room. */
  grow(key: string, entry: Entry, bytes: number): boolean {
    const copy = this.#copies.peek(key);
    const grown = (copy?.bytes ?? 0) + bytes;
    if (copy?.hit.entry !== entry || grown > this.#options.maxBytes * largestShare) return false;
    this.#copies.set(key, { ...copy, bytes: grown });
    return true;
  }

  seen(key: string): void {
    this.#readBefore.add(key);
  }

  begin(key: string, client: RedisClient): Reading | undefined {
    const { tracking, namespace, maxAgeMs, clock } = this.#options;
    const tracker = tracking.of(client);
    // Whatever is read first, so that it is known when the first copy is asked for.
    if (tracker?.hears === false) tracker.listen(clock.nowMs(), () => trackedKey(namespace, key));
    if (!this.#readBefore.has(key)) return undefined;
    if (tracker === undefined || !(tracker.isTracking || maxAgeMs > 0)) return undefined;
    const other = this.#readings.get(key);
    if (other?.tracker.isLive === true) return undefined;
    if (other !== undefined) this.#spoil(key, other);
    const reading: OpenReading = {
      tracker,
      isSpoiled: false,
      keep: (entry, leftMs) => void this.#keep(key, reading, beganAtMs, entry, leftMs),
      end: () => this.#end(key, reading),
    };
    const beganAtMs = clock.nowMs();
    this.#readings.set(key, reading);
    return reading;
  }

  stop(): void {
    this.#stopListening();
    this.#options.loop.stop();
    this.#copies.clear();
  }

  /** Never rejects. */
  async #keep(
    key: string,
    reading: OpenReading,
    beganAtMs: number,
    entry: Entry,
    asked: Promise<number | undefined>,
  ): Promise<void> {
    const { maxBytes, maxAgeMs, tracking } = this.#options;
    const storedBytes = storedBytesOf(entry);
    const bytes = storedBytes + 2 * key.length + overheadBytes;
    if (reading.isSpoiled || bytes > maxBytes * largestShare) return this.#end(key, reading);
    // Now, for whoever asked may change the bytes; and apart from the larger piece that came from the socket.
    const body = Buffer.allocUnsafeSlow(entry.body.length);
    entry.body.copy(body);
    const leftMs = await asked;
    const { tracker, isSpoiled } = reading;
    this.#end(key, reading);
    if (isSpoiled || !tracker.isLive || leftMs === undefined || leftMs < -1) return;
    tracker.answered(beganAtMs);
    this.#copies.set(key, {
      hit: { kind: 'hit', entry: { ...entry, body }, from: 'memory' },
      tracker,
      slot: tracking.slotOf(key),
      bytes,
      storedBytes,
      endsAtMs: leftMs === -1 ? Number.POSITIVE_INFINITY : beganAtMs + leftMs,
      oldAtMs: beganAtMs + maxAgeMs,
    });
  }

  #end(key: string, reading: OpenReading): void {
    if (this.#readings.get(key) === reading) this.#readings.delete(key);
  }

  #spoil(key: string, reading: OpenReading): void {
    reading.isSpoiled = true;
    this.#readings.delete(key);
  }

  #onChanged(key: string): void {
    if (this.#copies.has(key)) this.#counts.memoryInvalidations += 1;
    this.forget(key);
  }

  #forgetAll(tracker: Tracker): void {
    for (const [key, reading] of this.#readings) if (reading.tracker === tracker) this.#spoil(key, reading);
    const gone = [...this.#copies.entries()].filter(([, copy]) => copy.tracker === tracker);
    this.#counts.memoryInvalidations += gone.length;
    for (const [key] of gone) this.#copies.delete(key);
  }
}

interface OpenReading extends Reading {
  readonly tracker: Tracker;
  /** The key may have changed since it was begun. */
  isSpoiled: boolean;
}
