// The form of an entry in Redis, declared once for TypeScript (entry.ts) and for Lua inside Redis (entry-lua.ts).
// A property test holds the two to each other.
//
// An entry is one Redis string, so that a read is one GET and Redis's own expiry applies:
//   magic (4 bytes) | version (1) | etag length (1) | etag | header length (2, big endian) | header | body
// The header is a line `name=value\n` for each field: plain enough that both languages read it alike, which JSON
// is not (Lua's parser takes `NaN`, hexadecimal numbers and broken UTF-8 for JSON).

/** 0xC1 occurs in no UTF-8 text, so no text that somebody else wrote is ever taken for an entry. */
export const magic = Buffer.from([0xc1, 0x52, 0x45, 0x46]);
export const version = 2;
/** Where the etag's length stands. */
export const etagLengthAt = magic.length + 1;
/** A head has at most this many bytes: the length of its header fits two bytes. */
export const longestHeadBytes = etagLengthAt + 1 + 255 + 2 + 65_535;
/** Enough for nearly every head. */
export const usualHeadBytes = 512;

/** What a value may be: bytes of these ranges, from 1 to `maxBytes` of them. */
export interface ValueRule {
  readonly ranges: readonly (readonly [from: number, to: number])[];
  readonly maxBytes: number;
}

export interface FieldRule extends ValueRule {
  readonly isRequired: boolean;
}

const printable = [0x20, 0x7e] as const;
const digits = { ranges: [[0x30, 0x39]], maxBytes: 15 } as const;

const flag = { ranges: [[0x31, 0x31]], maxBytes: 1, isRequired: false } as const;

/** etagc of RFC 9110, section 8.8.3, without what is not ASCII. */
export const etagRule: ValueRule = {
  ranges: [
    [0x21, 0x21],
    [0x23, 0x7e],
  ],
  maxBytes: 255,
};

/** What can be sent as a header again: the Functions host answers 500 for one that is not ASCII. */
export const contentTypeRule: ValueRule = { ranges: [[0x09, 0x09], printable], maxBytes: 255 };

export const fieldRules = {
  /** Tells this write from every other, whatever was written. */
  write: {
    ranges: [
      [0x30, 0x39],
      [0x41, 0x5a],
      [0x61, 0x7a],
      [0x2d, 0x2d],
      [0x5f, 0x5f],
    ],
    maxBytes: 32,
    isRequired: true,
  },
  type: { ...contentTypeRule, isRequired: true },
  /** Milliseconds since the epoch. */
  stored: { ...digits, isRequired: true },
  /** Milliseconds, as `stale`, `sie`, `load` and `keep`. */
  ttl: { ...digits, isRequired: true },
  /** While it is renewed. There where the entry was loaded, and only there. */
  stale: { ...digits, isRequired: false },
  /** While the origin fails; as long as `stale` where it is absent. */
  sie: { ...digits, isRequired: false },
  load: { ...digits, isRequired: false },
  /** How long Redis was told to keep it. */
  keep: { ...digits, isRequired: false },
  /** Of the origin's answer; 200 where it is absent. */
  status: { ranges: [[0x30, 0x39]], maxBytes: 3, isRequired: false },
  /** Content codings of the body, in the order in which they were applied. */
  codings: {
    ranges: [
      [0x61, 0x7a],
      [0x20, 0x20],
    ],
    maxBytes: 60,
    isRequired: false,
  },
  /** `1` where the entity tag is a weak one. */
  weak: flag,
  /** `1` where it may be used only after the origin has said that it is still current. */
  reval: flag,
  /** `1` where the origin forbids that it is served stale. */
  strict: flag,
  /** What is kept of the origin's header fields: `name:value` of each, separated by tabs. */
  fields: { ranges: [[0x09, 0x09], printable, [0x80, 0xff]], maxBytes: 4096, isRequired: false },
  /** Written before `fields` was, and still read: seconds of freshness that the origin named, and its validator. */
  maxage: { ...digits, isRequired: false },
  validator: { ranges: [printable, [0x80, 0xff]], maxBytes: 4096, isRequired: false },
} as const satisfies Readonly<Record<string, FieldRule>>;

export type FieldName = keyof typeof fieldRules;

/** Text whose characters are bytes (latin1). */
export function isValid({ ranges, maxBytes }: ValueRule, text: string): boolean {
  if (text.length < 1 || text.length > maxBytes) return false;
  for (let at = 0; at < text.length; at += 1) {
    const byte = text.charCodeAt(at);
    if (!ranges.some(([from, to]) => byte >= from && byte <= to)) return false;
  }
  return true;
}
