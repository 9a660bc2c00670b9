// Entries of the origin: from its answer, and with the lifetime that it gives one anew.

import type { OriginResponse } from '../origin/origin.ts';
import type { Fields } from '../origin/storage.ts';
import {
  entityTag,
  isContentType,
  newWriteId,
  type Entry,
  type EntryHead,
  type Lifetime,
  type Loaded,
  type NotStored,
} from './entry.ts';
import { etagRule, isValid } from './entry-form.ts';

/**
 * An entry from the origin; it keeps the origin's entity tag and content type where they fit.
 * @param fields what is kept of the answer's.
 * @param place that of purges when the origin was asked.
 */
export function loadedEntry(
  { status, body, codings, tags, fields: { 'content-type': type = '' } }: OriginResponse,
  fields: Fields,
  lifetime: Lifetime | NotStored,
  loadMs: number,
  place?: number,
): Entry {
  const contentType = isContentType(type) ? type : 'application/octet-stream';
  const tag = /^(?<weak>W\/)?"(?<opaque>.*)"$/u.exec(fields['etag']?.trim() ?? '')?.groups;
  const opaque = tag?.['opaque'];
  const isKept = opaque !== undefined && isValid(etagRule, opaque);
  const etag = isKept ? opaque : entityTag(body, contentType);
  const loaded = { status, codings, fields, isWeak: isKept && tag?.['weak'] !== undefined, loadMs };
  const entry = { body, contentType, etag, writeId: newWriteId(), ...withLifetime(loaded, lifetime) };
  return { ...entry, ...(tags && { tags }), ...(place !== undefined && { place }) };
}

/**
 * The same bytes with another lifetime: another write.
 * @param place that of purges when the origin was asked; as it was where it was not asked.
 */
export function extendedHead<T extends EntryHead>(
  held: T,
  loaded: Pick<Loaded, 'status' | 'codings' | 'fields' | 'isWeak' | 'loadMs'>,
  lifetime: Lifetime | NotStored,
  place: number | undefined = held.place,
): T {
  const lived = withLifetime(loaded, lifetime);
  return { ...held, writeId: newWriteId(), place, purged: undefined, ...lived };
}

function withLifetime(
  loaded: Pick<Loaded, 'status' | 'codings' | 'fields' | 'isWeak' | 'loadMs'>,
  lifetime: Lifetime | NotStored,
): Pick<EntryHead, 'freshness' | 'loaded'> {
  if ('freshness' in lifetime) {
    const { freshness, ...rest } = lifetime;
    return { freshness, loaded: { ...loaded, ...rest } };
  }
  return { freshness: undefined, loaded: { ...loaded, ...unusable, notStored: lifetime } };
}

const unusable = {
  revalidate: true,
  staleAllowed: false,
  staleWhileRevalidateSeconds: 0,
  staleIfErrorSeconds: 0,
  keptMs: 0,
} as const;
