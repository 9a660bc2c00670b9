// A cached value and its form in Redis.

import { isUtf8 } from 'node:buffer';
import { createHash, randomBytes } from 'node:crypto';
import type { ContentCoding } from '../origin/content-codings.ts';
import type { Fields as HeaderFields } from '../origin/storage.ts';
import {
  contentTypeRule,
  etagLengthAt,
  etagRule,
  fieldRules,
  isValid,
  magic,
  version,
  type FieldName,
} from './entry-form.ts';
import type { Freshness, Lifetime } from './lifetime.ts';
import { decodeFields, encodeFields } from './kept-fields.ts';

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
}

export interface Entry extends EntryHead {
  readonly body: Buffer;
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
export function newEntry(body: Buffer, contentType: string, storedAtMs: number, ttlSeconds: number): Entry {
  return {
    body,
    contentType,
    etag: entityTag(body, contentType),
    writeId: newWriteId(),
    freshness: { storedAtMs, ttlSeconds },
    loaded: undefined,
  };
}

/** How long Redis keeps it: as long as it may be used at all. */
export function keptMs({ freshness, loaded }: EntryHead): number {
  return loaded?.keptMs ?? Math.round((freshness?.ttlSeconds ?? 0) * 1000);
}

/** The bytes that are stored. Only for entries that have a lifetime. */
export function encodeEntry(entry: Entry): Buffer {
  const header = encodeHeader(entry);
  const etag = Buffer.from(entry.etag, 'latin1');
  const lengths = Buffer.alloc(3);
  lengths.writeUInt8(etag.length, 0);
  lengths.writeUInt16BE(header.length, 1);
  const start = [magic, Buffer.from([version]), lengths.subarray(0, 1), etag];
  return Buffer.concat([...start, lengths.subarray(1), header, entry.body]);
}

/** The header alone, which can be replaced in Redis without moving the body. */
export function encodeHeader({ contentType, writeId, freshness, loaded }: EntryHead): Buffer {
  if (freshness === undefined) throw new TypeError('Only an entry with a stored time can be encoded.');
  const ms = (seconds: number): string => `${Math.round(seconds * 1000)}`;
  const flag = (is: boolean | undefined): string | undefined => (is === true ? '1' : undefined);
  const fields: Readonly<Record<FieldName, string | undefined>> = {
    write: writeId,
    type: contentType,
    stored: `${Math.round(freshness.storedAtMs)}`,
    ttl: ms(freshness.ttlSeconds),
    stale: loaded && ms(loaded.staleWhileRevalidateSeconds),
    sie: loaded && ms(loaded.staleIfErrorSeconds),
    load: loaded && `${Math.round(loaded.loadMs)}`,
    keep: loaded && `${loaded.keptMs}`,
    status: loaded === undefined || loaded.status === 200 ? undefined : `${loaded.status}`,
    codings: loaded?.codings.join(' ') || undefined,
    weak: flag(loaded?.isWeak),
    reval: flag(loaded?.revalidate),
    strict: flag(loaded?.staleAllowed === false),
    fields: loaded && encodeFields(loaded.fields),
    maxage: undefined,
    validator: undefined,
  };
  const lines = Object.entries(fields).map(([name, value]) => {
    if (value === undefined) return '';
    if (!isValid(fieldRules[name as FieldName], value))
      throw new TypeError(`No entry can have this ${name}.`);
    return `${name}=${value}\n`;
  });
  return Buffer.from(lines.join(''), 'latin1');
}

/** What nobody can have meant: it counts as absent, and may be overwritten. */
export interface InvalidEntry {
  readonly kind: 'invalid';
  readonly reason: 'version' | 'cut' | 'entity-tag' | 'header';
}

/** Reads any Redis string: an entry, or whatever somebody else wrote, served as it is. */
export function decodeEntry(
  stored: Buffer,
): { readonly kind: 'entry'; readonly entry: Entry } | InvalidEntry {
  const decoded = decodeHead(stored, stored.length);
  if (decoded.kind === 'head') {
    return { kind: 'entry', entry: { ...decoded.head, body: stored.subarray(decoded.bodyAt) } };
  }
  if (decoded.kind === 'foreign') return { kind: 'entry', entry: foreignEntry(stored) };
  return { kind: 'invalid', reason: decoded.kind === 'invalid' ? decoded.reason : 'cut' };
}

export type DecodedHead =
  | { readonly kind: 'head'; readonly head: EntryHead; readonly bodyAt: number }
  /** Not an entry. */
  | { readonly kind: 'foreign' }
  /** The head is longer than the bytes given: it takes this many, as far as they tell. */
  | { readonly kind: 'cut'; readonly headBytes: number }
  | InvalidEntry;

/** Reads the head from the first bytes of a stored string of `storedBytes` bytes; infinite where unknown. */
export function decodeHead(start: Buffer, storedBytes: number = Number.POSITIVE_INFINITY): DecodedHead {
  const cut = (headBytes: number): DecodedHead =>
    headBytes > storedBytes ? { kind: 'invalid', reason: 'cut' } : { kind: 'cut', headBytes };

  if (start.length < magic.length && storedBytes > start.length) return cut(magic.length);
  if (!start.subarray(0, magic.length).equals(magic)) return { kind: 'foreign' };
  if (start.length <= etagLengthAt) return cut(etagLengthAt + 1);
  if (start[magic.length] !== version) return { kind: 'invalid', reason: 'version' };
  const headerLengthAt = etagLengthAt + 1 + start.readUInt8(etagLengthAt);
  const headerAt = headerLengthAt + 2;
  if (headerAt > start.length) return cut(headerAt);
  const bodyAt = headerAt + start.readUInt16BE(headerLengthAt);
  if (bodyAt > start.length) return cut(bodyAt);
  const etag = start.toString('latin1', etagLengthAt + 1, headerLengthAt);
  if (!isValid(etagRule, etag)) return { kind: 'invalid', reason: 'entity-tag' };
  const fields = readFields(start.toString('latin1', headerAt, bodyAt));
  if (fields === undefined) return { kind: 'invalid', reason: 'header' };
  return { kind: 'head', head: headOf(etag, fields), bodyAt };
}

type Fields = Readonly<Partial<Record<FieldName, string>>>;

function readFields(header: string): Fields | undefined {
  const fields: Partial<Record<FieldName, string>> = {};
  const lines = header.split('\n');
  // What follows the last line's end.
  if (lines.pop() !== '') return undefined;
  for (const line of lines) {
    const nameLength = line.indexOf('=');
    const name = line.slice(0, Math.max(nameLength, 0));
    if (!isFieldName(name) || fields[name] !== undefined) return undefined;
    const value = line.slice(nameLength + 1);
    if (!isValid(fieldRules[name], value)) return undefined;
    fields[name] = value;
  }
  const names = Object.keys(fieldRules) as FieldName[];
  return names.every((name) => !fieldRules[name].isRequired || fields[name] !== undefined)
    ? fields
    : undefined;
}

function isFieldName(name: string): name is FieldName {
  return Object.hasOwn(fieldRules, name);
}

function headOf(etag: string, fields: Fields): EntryHead {
  const { write, type = '', stored, ttl } = fields;
  return {
    contentType: type,
    etag,
    writeId: write,
    freshness: { storedAtMs: Number(stored), ttlSeconds: Number(ttl) / 1000 },
    loaded: fields.stale === undefined ? undefined : loadedOf(fields),
  };
}

function loadedOf(fields: Fields): Loaded {
  const { stale, sie = stale, load = 0, keep = 0, status = 200, codings, weak, reval, strict } = fields;
  return {
    status: Number(status),
    codings: (codings?.split(' ') ?? []) as ContentCoding[],
    fields: fields.fields === undefined ? oldFields(fields) : decodeFields(fields.fields),
    isWeak: weak !== undefined,
    loadMs: Number(load),
    revalidate: reval !== undefined,
    staleAllowed: strict === undefined,
    staleWhileRevalidateSeconds: Number(stale) / 1000,
    staleIfErrorSeconds: Number(sie) / 1000,
    keptMs: Number(keep),
  };
}

/** As they would be kept today. */
function oldFields({ validator, maxage, strict }: Fields): HeaderFields {
  const lifetime = maxage === undefined ? [] : [`max-age=${maxage}`];
  const directives = [...lifetime, ...(strict === undefined ? [] : ['must-revalidate'])].join(', ');
  return {
    ...(directives === '' ? {} : { 'cache-control': directives }),
    ...(validator === undefined
      ? {}
      : { [/^(?:W\/)?"/u.test(validator) ? 'etag' : 'last-modified']: validator }),
  };
}

function foreignEntry(body: Buffer): Entry {
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
