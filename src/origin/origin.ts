// Where an entry comes from when the cache has none: the port that every kind of origin implements.

import type { ContentCoding } from './content-codings.ts';
import type { Fields, StoragePermission } from './storage.ts';
import type { Tagging } from './tags.ts';

/** What the origin answers for a key. A failure to answer is an AppError `origin-failed`, never one of these. */
export type OriginAnswer =
  | OriginResponse
  /** The entry that the validators name is still the current one; no body was moved. Its fields update the entry's. */
  | {
      readonly kind: 'unchanged';
      readonly fields: Fields;
      /** In the place of those that the entry has; undefined where it says nothing of tags. */
      readonly tags?: readonly string[];
      readonly restrictions: readonly StoragePermission[];
    }
  /** It has nothing under this key: 404, 410, or a key that it cannot hold at all. */
  | {
      readonly kind: 'none';
      readonly status: 404 | 410;
      readonly fields: Fields;
      readonly tags?: readonly string[];
      readonly permission?: StoragePermission;
    }
  /** Larger than the limit, as it is sent or decoded; nothing beyond the limit was read. */
  | { readonly kind: 'too-large'; readonly bytes: number | undefined }
  /** `admits` returned false; its body was not read. */
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
  /** By which the entry is purged together with others. */
  readonly tags?: readonly string[];
  /** What else limits storing it: redirects on the way, a body whose end was not announced. */
  readonly restrictions: readonly StoragePermission[];
  /** Instead of what the fields say, where it is known without them. */
  readonly permission?: StoragePermission;
}

/** What a conditional request names the entry by. */
export interface Validators {
  /** With its quotes, and `W/` where it is weak. */
  readonly etag?: string | undefined;
  /** An HTTP date. */
  readonly lastModified?: string | undefined;
}

export interface LoadOptions {
  /** Of the entry in the cache: if it is still current, no body is moved. */
  readonly validators?: Validators | undefined;
  /** Of a body, both as it is sent and decoded. */
  readonly maxBytes: number;
  /** Asked before a body is read, with its length, or `maxBytes` where that is not announced. */
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
  /** As a load of it would say; nothing where undefined. */
  readonly tagging?: Tagging;
}

export interface ListedPage {
  readonly entries: readonly ListedEntry[];
  /** Where the next page begins; undefined after the last one. Good in another process too. */
  readonly continuationToken: string | undefined;
}

export interface Origin {
  readonly kind: 'blob' | 'http';
  /**
   * Asks for one entry.
   * @throws AppError `origin-failed` when the origin could not be asked or did not answer as it should:
   * with `retryAfterSeconds` where it said so. Never rejects with anything else but a bug.
   */
  load(key: string, options: LoadOptions): Promise<OriginAnswer>;
  /** Undefined where it cannot list what it holds. */
  readonly listing?: OriginListing;
}

export interface OriginListing {
  /** Names what is listed, the same in every process. */
  readonly scope: string;
  /** What the origin holds under a prefix. Each page is asked for when it is wanted. */
  pages(
    prefix: string,
    options: { readonly continuationToken?: string | undefined; readonly signal: AbortSignal },
  ): AsyncIterable<ListedPage>;
}
