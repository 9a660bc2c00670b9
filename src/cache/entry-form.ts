// The form of an entry in Redis, declared once for TypeScript and for Lua inside Redis, and how it may grow (ADR 13).
//
// An entry is one Redis string, so that a read is one GET and Redis's own expiry applies:
//   magic (4 bytes) | version (1) | etag length (1) | etag | header length (2, big endian) | header | body
// The header is a line `name=value\n` for each field: plain enough that both languages read it alike, which JSON
// is not (Lua's parser takes `NaN`, hexadecimal numbers and broken UTF-8 for JSON).
//
// An entry that this code cannot understand is neither served nor overwritten. It is one of a later version, of which
// nothing behind the version byte is read, or one with an unknown field whose name begins with a capital letter.
// Other unknown fields are ignored. So a new field that every reader must obey begins with a capital letter.

/** 0xC1 occurs in no UTF-8 text, so no text that somebody else wrote is ever taken for an entry. */
export const magic = Buffer.from([0xc1, 0x52, 0x45, 0x46]);
/** What is written. */
export const version = 3;
/** What is read: version 2 has the same lines. Version 1 had two incompatible layouts, and counts as absent. */
export const oldestVersion = 2;
/** Where the etag's length stands. */
export const etagLengthAt = magic.length + 1;
/** A head has at most this many bytes: the length of its header fits two bytes. */
export const longestHeadBytes = etagLengthAt + 1 + 255 + 2 + 65_535;
/** Enough for nearly every head. */
export const usualHeadBytes = 512;

type Range = readonly [from: number, to: number];

/** What a value may be: bytes of these ranges, from 1 to `maxBytes` of them. */
export interface ValueRule {
  readonly ranges: readonly Range[];
  readonly maxBytes: number;
  /** The same ranges as a table: 1 for each byte that is allowed. */
  readonly allowed: Uint8Array;
}

export interface FieldRule extends ValueRule {
  readonly isRequired: boolean;
}

function rule(maxBytes: number, ...ranges: readonly Range[]): ValueRule {
  const allowed = new Uint8Array(256);
  for (const [from, to] of ranges) allowed.fill(1, from, to + 1);
  return { ranges, maxBytes, allowed };
}

function required(of: ValueRule): FieldRule {
  return { ...of, isRequired: true };
}

function optional(of: ValueRule): FieldRule {
  return { ...of, isRequired: false };
}

const printable = [0x20, 0x7e] as const;
const digits = [0x30, 0x39] as const;
const letters = [
  [0x41, 0x5a],
  [0x61, 0x7a],
] as const;
const number = rule(15, digits);

const flag = rule(1, [0x31, 0x31]);

/** etagc of RFC 9110, section 8.8.3, without what is not ASCII. */
export const etagRule = rule(255, [0x21, 0x21], [0x23, 0x7e]);

/** Name of a field. */
export const nameRule = rule(32, ...letters);

/** What can be sent as a header again: the Functions host answers 500 for one that is not ASCII. */
export const contentTypeRule = rule(255, [0x09, 0x09], printable);

export const fieldRules = {
  /** Tells this write from every other, whatever was written. */
  write: required(rule(32, digits, ...letters, [0x2d, 0x2d], [0x5f, 0x5f])),
  type: required(contentTypeRule),
  /** Milliseconds since the epoch. */
  stored: required(number),
  /** Milliseconds, as `stale`, `sie`, `load` and `keep`. */
  ttl: required(number),
  /** How long it may be served stale while it is renewed. Present only if the entry was loaded from the origin. */
  stale: optional(number),
  /** How long it may be served stale while the origin fails; `stale` applies where it is absent. */
  sie: optional(number),
  load: optional(number),
  /** The expiry that Redis was given. */
  keep: optional(number),
  /** Of the origin's answer; 200 where it is absent. */
  status: optional(rule(3, digits)),
  /** Content codings of the body, in the order in which they were applied. */
  codings: optional(rule(60, [0x61, 0x7a], [0x20, 0x20])),
  /** `1` where the entity tag is a weak one. */
  weak: optional(flag),
  /** `1` where it may be used only after the origin has said that it is still current. */
  reval: optional(flag),
  /** `1` where the origin forbids that it is served stale. */
  strict: optional(flag),
  /** The stored part of the origin's header fields: `name:value` of each, separated by tabs. */
  fields: optional(rule(4096, [0x09, 0x09], printable, [0x80, 0xff])),
  /** Tags, separated by commas. With a capital letter: a renewal by a version that does not know it would lose them. */
  Tags: optional(rule(4096, [0x21, 0x7e])),
  /** Its place in the order of purges: those with a later place are about it. */
  place: optional(number),
  /**
   * `1` where the cache has compressed the body: gzip, over all codings of its origin. Another compression is another
   * field: what it is must be understood.
   */
  Gzip: optional(flag),
  /** Written before `fields` existed, and still read: seconds of freshness that the origin named, and its validator. */
  maxage: optional(number),
  validator: optional(rule(4096, printable, [0x80, 0xff])),
} as const satisfies Readonly<Record<string, FieldRule>>;

export type FieldName = keyof typeof fieldRules;

/**
 * Whether `text`, whose characters are bytes (latin1), is a value from `from` up to `to`. By a table and not by a regular
 * expression, because each field of each read is checked: it takes half the time.
 */
export function isValid(
  { allowed, maxBytes }: ValueRule,
  text: string,
  from = 0,
  to: number = text.length,
): boolean {
  if (to <= from || to - from > maxBytes) return false;
  for (let at = from; at < to; at += 1) {
    if (allowed[text.charCodeAt(at)] !== 1) return false;
  }
  return true;
}
