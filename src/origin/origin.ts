// Where an entry comes from when the cache has none: the port that every kind of origin implements.

import type { ContentCoding } from './content-codings.ts';
import type { Fields, StoragePermission } from './storage.ts';

/** What the origin says of a key. A failure to answer is an AppError `origin-failed`, never one of these. */
export type OriginAnswer =
  | OriginResponse
  /** The entry that the validators name is still the current one; no body was moved. Its fields update the entry's. */
  | {
      readonly kind: 'unchanged';
      readonly fields: Fields;
      readonly restrictions: readonly StoragePermission[];
    }
  /** It has nothing under this key: 404, 410, or a key that it cannot hold by its nature. */
  | { readonly kind: 'none'; readonly status: 404 | 410; readonly fields: Fields }
  /** Larger than the limit, as it comes or decoded; nothing beyond the limit was read. */
  | { readonly kind: 'too-large'; readonly bytes: number | undefined }
  /** `admits` said no; its body was not read. */
  | { readonly kind: 'not-admitted' };

/** A final answer, whatever its status: a value, a redirect without a target, or a refusal. */
export interface OriginResponse {
  readonly kind: 'answered';
  readonly status: number;
  /** Complete, as it was sent: coded where `codings` says so. */
  readonly body: Buffer;
  /** In the order in which they were applied. */
  readonly codings: readonly ContentCoding[];
  readonly fields: Fields;
  /** What stands between `fields` and storing it: redirects on the way, an end that nobody told. */
  readonly restrictions: readonly StoragePermission[];
}

/** What the origin can be asked with whether an entry is still current. */
export interface Validators {
  /** With its quotes, and `W/` where it is weak. */
  readonly etag?: string | undefined;
  /** An HTTP date. */
  readonly lastModified?: string | undefined;
}

export interface LoadOptions {
  /** Of the entry at hand: if it is still current, no body is moved. */
  readonly validators?: Validators | undefined;
  /** Of a body, as it comes and decoded. */
  readonly maxBytes: number;
  /** Asked before a body is read, with its length, or `maxBytes` where that is not announced; all are where left out. */
  readonly admits?: ((bytes: number) => boolean) | undefined;
  /** Aborted when the caller gives up. */
  readonly signal: AbortSignal;
}

/** One entry of a listing. */
export interface ListedEntry {
  readonly key: string;
  /** The entity tag that `OriginResponse.fields` has of the same state of the entry. */
  readonly etag: string;
  readonly bytes: number;
}

export interface ListedPage {
  readonly entries: readonly ListedEntry[];
  /** Where the next page begins; undefined after the last one. Good in another process too. */
  readonly continuationToken: string | undefined;
}

export interface Origin {
  /**
   * Asks for one entry.
   * @throws AppError `origin-failed` when the origin could not be asked or did not answer as it should:
   * with `retryAfterSeconds` where it said so. Never rejects with anything else but a bug.
   */
  load(key: string, options: LoadOptions): Promise<OriginAnswer>;
  /** Pages of what the origin holds under a prefix, each asked for when it is wanted; undefined where it cannot list. */
  readonly list?: (
    prefix: string,
    options: { readonly continuationToken?: string | undefined; readonly signal: AbortSignal },
  ) => AsyncIterable<ListedPage>;
}
