// Reads an origin's HTTP response: its body whole, and the header fields that matter.

import type { Clock } from '../util/clock.ts';
import { unusable } from './origin-timeout.ts';
import { drain, readBody } from './response-body.ts';
import { decodeBody, readCodings } from './content-codings.ts';
import { parseHttpDate } from './http-date.ts';
import type { LoadOptions, OriginAnswer, Validators } from './origin.ts';
import type { Fields, StoragePermission } from './storage.ts';
import { taggingOf, type Tagging } from './tags.ts';
import type { Answer } from './transport.ts';

/** What decides whether and how long it is stored, and its validators. */
const storedFields = [
  'age',
  'cache-control',
  'cdn-cache-control',
  'content-type',
  'date',
  'etag',
  'expires',
  'last-modified',
  'retry-after',
  'vary',
];

/** @param keepHeaders further names, in lower case. */
export function fieldsOf(headers: Answer['headers'], keepHeaders: readonly string[]): Fields {
  return namedFields(headers, [...storedFields, ...keepHeaders]);
}

/** The fields of these names, in lower case, several of one name joined by commas. */
export function namedFields(headers: Answer['headers'], names: readonly string[]): Fields {
  const fields: Record<string, string> = {};
  for (const name of names) {
    const value = headers[name];
    if (value !== undefined) fields[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return fields;
}

export function taggingOfHeaders(headers: Answer['headers']): Tagging {
  return taggingOf(namedFields(headers, ['cache-tag', 'surrogate-key']));
}

const endNotAnnounced: StoragePermission = {
  kind: 'forbidden',
  reason: 'its end was not announced, so that a cut answer would look complete',
};

export interface ReadOptions {
  /** Scheme, host and port, for messages. */
  readonly where: string;
  readonly maxBytes: number;
  readonly admits?: LoadOptions['admits'];
  readonly fields: Fields;
  readonly restrictions: readonly StoragePermission[];
  readonly tagging: Tagging;
  readonly clock: Clock;
}

/**
 * Reads an answer with a body to its end, and decodes it to see that it is whole.
 * @throws AppError `origin-failed` where it is not.
 */
export async function readResponse(answer: Answer, options: ReadOptions): Promise<OriginAnswer> {
  const { where, maxBytes, admits, fields, tagging, clock } = options;
  const restrictions = [...options.restrictions, ...tagging.restrictions];
  const { status, headers, framing } = answer;
  const codings = readCodings(headers['content-encoding']);
  if (typeof codings === 'string') {
    await drain(answer.body, clock);
    throw unusable(where, `answered with the content coding "${codings}", which cannot be decoded here`);
  }
  const announcedBytes = framing.kind === 'length' ? framing.bytes : undefined;
  if (announcedBytes !== undefined && announcedBytes > maxBytes) {
    return { kind: 'too-large', bytes: announcedBytes };
  }
  if (admits?.(announcedBytes ?? maxBytes) === false) return { kind: 'not-admitted' };
  const body = await readBody(answer.body, maxBytes, announcedBytes);
  if (body === undefined) return { kind: 'too-large', bytes: undefined };
  const decoded = await decodeBody(body, body.length === 0 ? [] : codings, maxBytes);
  if (decoded.kind === 'too-large') return { kind: 'too-large', bytes: undefined };
  if (decoded.kind === 'damaged') {
    throw unusable(where, `sent a body that is no whole ${decoded.coding} data`);
  }
  return {
    kind: 'answered',
    status,
    body,
    codings: body.length === 0 ? [] : codings,
    fields,
    ...(tagging.tags === undefined ? {} : { tags: tagging.tags }),
    restrictions: framing.kind === 'until-close' ? [...restrictions, endNotAnnounced] : restrictions,
  };
}

const entityTag = /^(?:W\/)?"[!\u0023-\u007E\u0080-\u00FF]*"$/u;

/** The validators among an entry's fields that can be sent in a conditional request. */
export function validatorsOf(fields: Fields, nowMs: number): Validators {
  const etag = fields['etag']?.trim() ?? '';
  const lastModified = fields['last-modified']?.trim();
  return {
    etag: entityTag.test(etag) ? etag : undefined,
    lastModified: parseHttpDate(lastModified, nowMs) === undefined ? undefined : lastModified,
  };
}

/** Both, where there are both: an origin that knows entity tags ignores the date (RFC 9110, section 13.1.3). */
export function conditionalHeaders({ etag, lastModified }: Validators = {}): Readonly<
  Record<string, string>
> {
  return {
    ...(etag === undefined ? {} : { 'If-None-Match': etag }),
    ...(lastModified === undefined ? {} : { 'If-Modified-Since': lastModified }),
  };
}
