// A cached value, and what is known of it.

import { isUtf8 } from 'node:buffer';
import { createHash, randomBytes } from 'node:crypto';
import type { ContentCoding } from '../origin/content-codings.ts';
import type { Fields as HeaderFields } from '../origin/storage.ts';
import { contentTypeRule, isValid } from './entry-form.ts';

/** Everything about an entry but its body. */
export interface EntryHead {
  readonly contentType: string;
  /** The opaque part of its entity tag, without its quotes; a weak tag is a matter of `loaded`. */
  readonly etag: string;
  /**
   * Tells this write from every other, also from one of the same bytes: what a guard compares. Undefined for a value
   * that somebody else wrote.
   */
  readonly writeId: string | undefined;
  /** Undefined for a value that somebody else wrote: then nothing is known but its bytes. */
  readonly freshness: Freshness | undefined;
  /** Undefined for what a client, or somebody else, wrote. */
  readonly loaded: Loaded | undefined;
  /** By which it is purged together with others; none where undefined. */
  readonly tags?: readonly string[] | undefined;
  /** Its place in the order of purges; undefined for what was written without one: it is older than every purge. */
  readonly place?: number | undefined;
  /** Whether this cache has compressed the body (gzip): the body of an entry is then not what its tag is about. */
  readonly isGzipped?: true | undefined;
  /** It has been purged, and is stale since then; `freshness` says so, too. Never in Redis. */
  readonly purged?: true | undefined;
}

export interface Entry extends EntryHead {
  readonly body: Buffer;
}

export interface Freshness {
  /** When it was made: by whoever wrote it, or by the origin, so that its age counts from there. */
  readonly storedAtMs: number;
  /** Not always whole: lifetimes are spread. */
  readonly ttlSeconds: number;
}

/** How long an entry may be used, and how. */
export interface Lifetime {
  readonly freshness: Freshness;
  /** May be used only after the origin has said that it is still current. */
  readonly revalidate: boolean;
  /** False where the origin forbids it to everybody. */
  readonly staleAllowed: boolean;
  /** Past freshness, while it is renewed. */
  readonly staleWhileRevalidateSeconds: number;
  /** Past freshness, while the origin fails. */
  readonly staleIfErrorSeconds: number;
  /** How long Redis keeps it from now on. */
  readonly keptMs: number;
}

/** How an entry came from the origin, and what may be done with it. */
export interface Loaded extends Omit<Lifetime, 'freshness'> {
  readonly status: number;
  /** Of the body, in the order in which they were applied. */
  readonly codings: readonly ContentCoding[];
  /** What is kept of the origin's header fields, its validators among them. */
  readonly fields: HeaderFields;
  readonly isWeak: boolean;
  /** What the load took: the longer, the earlier the next one has to begin. */
  readonly loadMs: number;
  /** Why it may not be stored; such an entry is never in Redis. */
  readonly notStored?: NotStored;
}

export interface NotStored {
  readonly reason: string;
  /** Nor may whoever asked this cache. */
  readonly noStore?: true;
}

export function isContentType(text: string): boolean {
  return isValid(contentTypeRule, text);
}

/** An entry that a client has written. */
export function newEntry(
  body: Buffer,
  contentType: string,
  storedAtMs: number,
  ttlSeconds: number,
  tags?: readonly string[],
): Entry {
  return {
    body,
    contentType,
    etag: entityTag(body, contentType),
    writeId: newWriteId(),
    freshness: { storedAtMs, ttlSeconds },
    loaded: undefined,
    ...(tags === undefined ? {} : { tags }),
  };
}

/**
 * Whether it was stored by an earlier version of the app, which knew no tags: a 304 would not say them.
 * @param place that of purges now; undefined where nothing is ever purged.
 */
export function isWithoutTags(head: EntryHead, place: number | undefined): boolean {
  return place !== undefined && head.place === undefined && head.tags === undefined;
}

/** Whether `head` has all of these tags. */
export function hasTags({ tags = [] }: EntryHead, wanted: readonly string[] = []): boolean {
  return wanted.every((tag) => tags.includes(tag));
}

/** How long Redis keeps it: as long as it may be used at all. */
export function keptMs({ freshness, loaded }: EntryHead): number {
  return loaded?.keptMs ?? Math.round((freshness?.ttlSeconds ?? 0) * 1000);
}

/** What somebody else wrote: it is served as it is. */
export function foreignEntry(body: Buffer): Entry {
  return {
    body,
    contentType: isUtf8(body) ? 'text/plain; charset=utf-8' : 'application/octet-stream',
    // SHA-1, because the write script must come to the same tag and Lua in Redis offers no other hash.
    etag: createHash('sha1').update(body).digest('hex'),
    writeId: undefined,
    freshness: undefined,
    loaded: undefined,
  };
}

const hashedEtagLength = 22;

/** 128 bits of a hash over what a client sees: the same bytes under another type are another entity. */
export function entityTag(body: Buffer, contentType: string): string {
  const hash = createHash('sha256').update(contentType).update('\0').update(body);
  return hash.digest('base64url').slice(0, hashedEtagLength);
}

/** 72 random bits. */
export function newWriteId(): string {
  return randomBytes(9).toString('base64url');
}
