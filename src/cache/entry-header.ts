// Reads the header of an entry. What a hit does not need is parsed when it is first asked for.

import type { ContentCoding } from '../origin/content-codings.ts';
import type { Fields as HeaderFields } from '../origin/storage.ts';
import type { EntryHead, Loaded } from './entry.ts';
import { fieldRules, isValid, nameRule, type FieldName, type FieldRule } from './entry-form.ts';
import { decodeFields } from './stored-fields.ts';

type Values = Record<FieldName, string | undefined>;

export type Header =
  | { readonly kind: 'values'; readonly values: Readonly<Values> }
  /** A field that must be understood is not known. */
  | { readonly kind: 'newer'; readonly field: string }
  | { readonly kind: 'invalid' };

const names = Object.keys(fieldRules) as FieldName[];
const requiredNames = names.filter((name) => fieldRules[name].isRequired);
const rules = new Map<string, { readonly name: FieldName; readonly rule: FieldRule }>(
  names.map((name) => [name, { name, rule: fieldRules[name] }]),
);
const noValues = Object.fromEntries(names.map((name) => [name, undefined])) as Values;
const invalid = { kind: 'invalid' } as const;

/** @param header text whose characters are bytes (latin1). */
export function readHeader(header: string): Header {
  const values = { ...noValues };
  let areValid = true;
  let unknown: string | undefined;
  for (let at = 0; at < header.length;) {
    const nameEnd = header.indexOf('=', at);
    const lineEnd = header.indexOf('\n', nameEnd);
    if (nameEnd === -1 || lineEnd === -1) return invalid;
    const text = header.slice(at, nameEnd);
    const known = rules.get(text);
    if (known === undefined) {
      if (!isValid(nameRule, text)) return invalid;
      if (/^[A-Z]/u.test(text)) unknown ??= text;
    } else if (values[known.name] === undefined && isValid(known.rule, header, nameEnd + 1, lineEnd)) {
      values[known.name] = header.slice(nameEnd + 1, lineEnd);
    } else areValid = false;
    at = lineEnd + 1;
  }
  // Before the other fields are judged: what must be understood may change what they mean.
  if (unknown !== undefined) return { kind: 'newer', field: unknown };
  for (const name of requiredNames) areValid &&= values[name] !== undefined;
  return areValid ? { kind: 'values', values } : invalid;
}

export function headOf(etag: string, values: Readonly<Values>): EntryHead {
  return {
    contentType: values.type ?? '',
    etag,
    writeId: values.write,
    freshness: { storedAtMs: Number(values.stored), ttlSeconds: Number(values.ttl) / 1000 },
    loaded: values.stale === undefined ? undefined : new StoredLoad(values),
    tags: values.Tags?.split(','),
    place: values.place === undefined ? undefined : Number(values.place),
    isGzipped: values.Gzip === undefined ? undefined : true,
  };
}

const noCodings: readonly ContentCoding[] = [];

/** `fields` is no property of its own: a copy by `...` would lack it. */
class StoredLoad implements Loaded {
  readonly status: number;
  readonly codings: readonly ContentCoding[];
  readonly isWeak: boolean;
  readonly loadMs: number;
  readonly revalidate: boolean;
  readonly staleAllowed: boolean;
  readonly staleWhileRevalidateSeconds: number;
  readonly staleIfErrorSeconds: number;
  readonly keptMs: number;
  readonly #values: Readonly<Values>;
  #fields: HeaderFields | undefined;

  constructor(values: Readonly<Values>) {
    const { stale, sie = stale, load = 0, keep = 0, status = 200, codings, weak, reval, strict } = values;
    this.status = Number(status);
    this.codings = codings === undefined ? noCodings : (codings.split(' ') as ContentCoding[]);
    this.isWeak = weak !== undefined;
    this.loadMs = Number(load);
    this.revalidate = reval !== undefined;
    this.staleAllowed = strict === undefined;
    this.staleWhileRevalidateSeconds = Number(stale) / 1000;
    this.staleIfErrorSeconds = Number(sie) / 1000;
    this.keptMs = Number(keep);
    this.#values = values;
  }

  get fields(): HeaderFields {
    const { fields } = this.#values;
    this.#fields ??= fields === undefined ? earlierFields(this.#values) : decodeFields(fields);
    return this.#fields;
  }
}

/** Of an entry that was written before `fields` existed, as they would be stored today. */
function earlierFields({ validator, maxage, strict }: Readonly<Values>): HeaderFields {
  const lifetime = maxage === undefined ? [] : [`max-age=${maxage}`];
  const directives = [...lifetime, ...(strict === undefined ? [] : ['must-revalidate'])].join(', ');
  return {
    ...(directives === '' ? {} : { 'cache-control': directives }),
    ...(validator === undefined
      ? {}
      : { [/^(?:W\/)?"/u.test(validator) ? 'etag' : 'last-modified']: validator }),
  };
}
