// Stored bytes of entries that no code of this version writes, and decoded ones as plain objects.

import { magic, version } from '../../src/cache/entry-form.ts';
import type { EntryHead } from '../../src/cache/entry.ts';

export interface StoredForm {
  readonly etag?: string;
  readonly version?: number;
  /** What follows the fields in the header. */
  readonly more?: string;
}

/** Of a header with these fields; all text is latin1. */
export function bytesOf(fields: Readonly<Record<string, string>>, form: StoredForm = {}): Buffer {
  const { etag = 'x', more = '' } = form;
  const lines = Object.entries(fields).map(([name, value]) => `${name}=${value}\n`);
  const header = Buffer.from(lines.join('') + more, 'latin1');
  const length = Buffer.alloc(2);
  length.writeUInt16BE(header.length);
  const start = Buffer.concat([magic, Buffer.from([form.version ?? version, etag.length])]);
  return Buffer.concat([start, Buffer.from(etag, 'latin1'), length, header, Buffer.from('body')]);
}

/** With what a decoded entry parses only when it is asked for. */
export function plain<T extends EntryHead>(entry: T): T {
  const { loaded } = entry;
  return { ...entry, loaded: loaded && { ...loaded, fields: loaded.fields } };
}
