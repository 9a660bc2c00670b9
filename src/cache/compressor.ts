// Compresses what is stored, where that is worth it: text and its like, off the event loop, a few at a time.

import { gzip } from 'node:zlib';
import { promisify } from 'node:util';
import { forbidsTransformation } from '../origin/storage.ts';
import type { ByteBudget } from '../util/byte-budget.ts';
import { Semaphore } from '../util/semaphore.ts';
import type { Entry } from './entry.ts';

export interface CompressorOptions {
  /** Bodies of up to this many bytes stay as they are. */
  readonly mostPlainBytes: number;
  readonly budget: ByteBudget;
}

// Why gzip, and why this level: ADR 18.
const level = 6;
// A write waits for its compression: this much takes 0.2 s.
const mostBytes = 8 * 1024 * 1024;
// Of the four threads of the pool, which look up names and read files, too.
const atOnce = 2;
// More than the 32 that a warmup loads at a time.
const mostWaiting = 48;
const leastSaved = 0.1;
const gzipInPool = promisify(gzip);

export class Compressor {
  readonly #options: CompressorOptions;
  readonly #turns = new Semaphore(atOnce);
  #pending = 0;

  constructor(options: CompressorOptions) {
    this.#options = options;
  }

  /**
   * The entry as it is to be stored: as it is where compression saves less than a tenth, where it is none of this cache's
   * business, and where too much is being compressed already. At once where it is known to stay as it is.
   */
  compressed(entry: Entry): Entry | Promise<Entry> {
    const { body } = entry;
    const bytes = body.length;
    if (bytes <= this.#options.mostPlainBytes || bytes > mostBytes || !mayBeCompressed(entry)) return entry;
    const { budget } = this.#options;
    if (this.#pending >= atOnce + mostWaiting || !budget.takeIfFree(bytes, bytes)) return entry;
    this.#pending += 1;
    return this.#compress(entry).finally(() => {
      this.#pending -= 1;
      budget.give(bytes);
    });
  }

  async #compress(entry: Entry): Promise<Entry> {
    const { body } = entry;
    try {
      const smaller = await this.#turns.run(1, () => gzipInPool(body, { level }));
      return smaller.length > body.length * (1 - leastSaved)
        ? entry
        : { ...entry, body: smaller, isGzipped: true };
    } catch {
      // zlib has no memory: then it is stored as it is.
      return entry;
    }
  }
}

/** What an origin has coded stays as it came (ADR 12), and what it forbids to be transformed (RFC 9111, section 5.2.2.6). */
function mayBeCompressed({ contentType, isGzipped, loaded }: Entry): boolean {
  if (isGzipped === true || !isCompressible(contentType)) return false;
  return loaded === undefined || (loaded.codings.length === 0 && !forbidsTransformation(loaded.fields));
}

const texts: ReadonlySet<string> = new Set([
  'ecmascript',
  'graphql',
  'javascript',
  'json',
  'json-seq',
  'ndjson',
  'rtf',
  'sql',
  'toml',
  'wasm',
  'x-javascript',
  'x-ndjson',
  'x-www-form-urlencoded',
  'x-yaml',
  'xml',
  'xml-dtd',
  'yaml',
]);

/** Whether bytes of this type usually become smaller: `text/`, those of `application/` named above, and their suffixes. */
export function isCompressible(contentType: string): boolean {
  const [type = '', subtype = ''] = (contentType.split(';', 1)[0] ?? '').trim().toLowerCase().split('/', 2);
  if (type === 'text' || /\+(?:json|xml|yaml|json-seq)$/u.test(subtype)) return true;
  return type === 'application' && texts.has(subtype);
}
