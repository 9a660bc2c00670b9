// Where an entry comes from when the cache has none: the port that blob.ts and http.ts implement.
// Used by cache/, warmup/, filling.ts and parts.ts. Knows no Redis and no HTTP of the app's own.

/** What the origin has under a key, as far as it answered. A failure is an AppError `origin-failed`, never `none`. */
export type OriginAnswer =
  | OriginEntry
  /**
   * The entry that the validator names is still the current one; no body was moved. `storage` is undefined where
   * the answer says nothing of it, as that of blob storage: then what came with the body holds.
   */
  | { readonly kind: 'unchanged'; readonly storage: StoragePermission | undefined }
  /** The origin was asked, or cannot by its nature hold this key, and has nothing under it. */
  | { readonly kind: 'none' }
  /** Larger than the limit; nothing beyond the limit was read. */
  | { readonly kind: 'too-large'; readonly bytes: number | undefined }
  /** `admits` said no; its body was not read. */
  | { readonly kind: 'not-admitted' };

export interface OriginEntry {
  readonly kind: 'found';
  /** Complete: its length has been checked against what the origin announced. */
  readonly body: Buffer;
  readonly contentType: string;
  /** The opaque part of the origin's entity tag where it has a strong one. */
  readonly etag: string | undefined;
  /** To be handed back in `LoadOptions`: an entity tag with its quotes, or an HTTP date. */
  readonly validator: string | undefined;
  readonly storage: StoragePermission;
}

/** What the origin lets a cache do with the entry (RFC 9111, section 5.2.2). */
export type StoragePermission =
  /** `no-store`, `no-cache`, `private`, no lifetime left, or a body whose length was not announced. */
  | {
      readonly kind: 'forbidden';
      readonly reason: string;
      /** `no-store`: neither may whoever asked this cache. */
      readonly noStore?: true;
    }
  | {
      readonly kind: 'allowed';
      /** Seconds it stays fresh, where the origin says so. */
      readonly maxAgeSeconds: number | undefined;
      /** False for `must-revalidate` and `proxy-revalidate`. */
      readonly staleAllowed: boolean;
    };

export interface LoadOptions {
  /** Of the entry at hand: if it is still current, no body is moved. */
  readonly validator?: string | undefined;
  readonly maxBytes: number;
  /** Asked before a body is read, with its length, or `maxBytes` where that is not announced; all are where left out. */
  readonly admits?: ((bytes: number) => boolean) | undefined;
  /** Aborted when the caller gives up. */
  readonly signal: AbortSignal;
}

/** One entry of a listing. */
export interface ListedEntry {
  readonly key: string;
  /** As `OriginEntry.validator` of the same state of the entry. */
  readonly validator: string;
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
