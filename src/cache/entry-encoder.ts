// The bytes of an entry in Redis.

import type { Entry, EntryHead } from './entry.ts';
import { fieldRules, isValid, magic, version, type FieldName } from './entry-form.ts';
import { encodeFields } from './stored-fields.ts';

/** The bytes that are stored. Only for entries that have a lifetime. */
export function encodeEntry(entry: Entry): Buffer {
  const lifetime = encodeHeader(entry);
  const header = entry.isGzipped === true ? Buffer.concat([lifetime, gzipLine]) : lifetime;
  const etag = Buffer.from(entry.etag, 'latin1');
  const lengths = Buffer.alloc(3);
  lengths.writeUInt8(etag.length, 0);
  lengths.writeUInt16BE(header.length, 1);
  const start = [magic, Buffer.from([version]), lengths.subarray(0, 1), etag];
  return Buffer.concat([...start, lengths.subarray(1), header, entry.body]);
}

const gzipLine = Buffer.from('Gzip=1\n');

/** How long its Redis string is. */
export function storedBytesOf(entry: Entry): number {
  if (entry.writeId === undefined || entry.freshness === undefined) return entry.body.length;
  const form = entry.isGzipped === true ? gzipLine.length : 0;
  return magic.length + 4 + entry.etag.length + encodeHeader(entry).length + form + entry.body.length;
}

/**
 * The header without what it says of the form of the body: it can be replaced in Redis without moving the body, and
 * whoever does that need not know its form.
 */
export function encodeHeader({ contentType, writeId, freshness, loaded, tags, place }: EntryHead): Buffer {
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
    Tags: tags?.join(',') || undefined,
    place: place === undefined ? undefined : `${place}`,
    Gzip: undefined,
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
