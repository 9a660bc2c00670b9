// The Origin port over a blob container, entered by the app's own identity. Made by main.ts, used by
// read-through and warmup/. Knows no Redis.

import { createHash } from 'node:crypto';
import type { BlobDownloadResponseParsed, ContainerClient, RestError } from '@azure/storage-blob';
import { TokenOnDemand } from '../auth/token-on-demand.ts';
import { createTokenSource, type TokenCredentialLike } from '../auth/token-source.ts';
import type { Clock } from '../clock.ts';
import { attempt, originFailed } from './attempt.ts';
import { blobFailure, isBlobNotFound, isRestError } from './blob-failures.ts';
import { sdkHttpClient } from './blob-transport.ts';
import { readBody } from './body.ts';
import { renewedPermission, storagePermission } from './cache-control.ts';
import type { ListedPage, LoadOptions, Origin, OriginAnswer } from './origin.ts';
import { placeIn } from './place.ts';
import { createTransport } from './transport.ts';
import { conditionalHeader, readValidators } from './validators.ts';

export interface BlobOriginOptions {
  /** Of a container, over https only: a token is sent there. */
  readonly containerUrl: string;
  readonly credential: TokenCredentialLike;
  readonly clock: Clock;
  /** For one load from the question to the last byte, and for one page of a listing. */
  readonly timeLimitMs: number;
  readonly userAgent?: string;
  readonly maxSockets?: number;
}

type LoadLimits = Omit<LoadOptions, 'signal'>;

/** Of one listing request; the most that the service gives. */
const pageSize = 1000;
/** The identity endpoint normally answers within 2 s; who waits for a load does not wait longer than its limit. */
const tokenLimitMs = 5000;

export function createBlobOrigin(options: BlobOriginOptions): Origin {
  const { containerUrl, clock, timeLimitMs } = options;
  const { origin: where, protocol } = new URL(containerUrl);
  if (protocol !== 'https:') throw new TypeError('A token is sent over https only.');
  const open = onceUnlessFailed(() => openContainer(options));
  const limits = { clock, timeLimitMs, where };

  return {
    load: (key, { signal, ...load }) =>
      attempt({ ...limits, signal }, async (limit) => {
        const blob = (await open()).blob(key);
        if (blob === undefined) return { kind: 'none' };
        const { validator } = load;
        // Storage refuses weak tags, which may be left from another origin; it never gives one itself.
        const ifNoneMatch =
          validator?.startsWith('"') === true ? conditionalHeader(validator)['If-None-Match'] : undefined;
        try {
          const answer = await blob.download(0, undefined, {
            abortSignal: limit,
            // The SDK would ask for the rest of a cut answer; together they may be no one state of the blob.
            maxRetryRequests: 0,
            conditions: ifNoneMatch === undefined ? {} : { ifNoneMatch },
          });
          return await read(answer, where, load, clock.nowMs());
        } catch (error) {
          if (!isRestError(error)) throw error;
          return withoutBody(error, where, ifNoneMatch !== undefined, clock.nowMs());
        }
      }),

    async *list(prefix, { continuationToken, signal }) {
      let next = continuationToken;
      do {
        const page = await attempt({ ...limits, signal }, async (limit) => {
          const { container } = await open();
          return listPage(container, prefix, next, limit).catch((error: unknown) => {
            throw isRestError(error) ? blobFailure(error, where, clock.nowMs()) : error;
          });
        });
        yield page;
        next = page.continuationToken;
      } while (next !== undefined);
    },
  };
}

interface OpenContainer {
  readonly container: ContainerClient;
  /** Undefined for a key that the URL of no blob of this container stands for. */
  blob(key: string): ReturnType<ContainerClient['getBlobClient']> | undefined;
}

// Loaded when first needed: it takes longer than everything else the app loads, and an app without this origin,
// or whose first reads are hits, does not need it.
async function openContainer(options: BlobOriginOptions): Promise<OpenContainer> {
  const { containerUrl, userAgent = 'redis-entra-functions', maxSockets } = options;
  const { BlobClient, ContainerClient, RestError, newPipeline } = await import('@azure/storage-blob');
  const transport = createTransport(maxSockets === undefined ? {} : { maxSockets });
  const token = storageToken(options);
  // Without a credential: the token is added by the transport.
  const pipeline = newPipeline(undefined, {
    httpClient: sdkHttpClient(transport, async () => token.get(), RestError),
    retryOptions: { maxTries: 2, retryDelayInMs: 100, maxRetryDelayInMs: 1000 },
    userAgentOptions: { userAgentPrefix: userAgent },
  });
  const container = new ContainerClient(containerUrl.replace(/\/+$/u, ''), pipeline);
  const place = placeIn(`${container.url}/{key}`, 'kept');
  return {
    container,
    blob(key) {
      const url = place(key);
      if (url === undefined) return undefined;
      const client = new BlobClient(url, pipeline);
      // The SDK has its own ideas of encoding; what it asks for must be what was checked.
      return client.url === url ? client : undefined;
    },
  };
}

function storageToken({ credential, clock, timeLimitMs }: BlobOriginOptions): TokenOnDemand {
  // The audience of every cloud: https://learn.microsoft.com/azure/storage/blobs/authorize-access-azure-active-directory
  const scope = 'https://storage.azure.com/.default';
  const limitMs = Math.min(timeLimitMs, tokenLimitMs);
  return new TokenOnDemand(
    createTokenSource({ credential, scope, oidRequired: false, clock, timeLimitMs: limitMs }),
    clock,
  );
}

async function read(
  answer: BlobDownloadResponseParsed,
  where: string,
  { maxBytes }: LoadLimits,
  nowMs: number,
): Promise<OriginAnswer> {
  const { contentLength: bytes, readableStreamBody: stream, contentMD5 } = answer;
  // It fails also when nobody reads it.
  stream?.on('error', () => undefined);
  if (stream === undefined || bytes === undefined || answer.contentRange !== undefined) {
    throw originFailed(where, 'answered with something else than a whole blob');
  }
  if (bytes > maxBytes) return { kind: 'too-large', bytes };
  if (!['', 'identity'].includes(answer.contentEncoding ?? '')) {
    throw originFailed(where, 'holds this blob with a Content-Encoding, which an entry cannot carry');
  }
  const body = await readBody(stream as AsyncIterable<Buffer>, maxBytes, bytes);
  if (body === undefined) return { kind: 'too-large', bytes: undefined };
  if (contentMD5 !== undefined && !createHash('md5').update(body).digest().equals(contentMD5)) {
    throw originFailed(where, 'sent other bytes than its Content-MD5 says');
  }
  return {
    kind: 'found',
    body,
    contentType: answer.contentType ?? 'application/octet-stream',
    ...readValidators(quoted(answer.etag), undefined),
    storage: storagePermission({ cacheControl: answer.cacheControl }, nowMs),
  };
}

/** What an answer without a blob means; for the SDK all of them are errors. */
function withoutBody(error: RestError, where: string, conditional: boolean, nowMs: number): OriginAnswer {
  if (error.statusCode === 304 && conditional) {
    const cacheControl = error.response?.headers.get('cache-control');
    return { kind: 'unchanged', storage: renewedPermission({ cacheControl }, nowMs) };
  }
  if (isBlobNotFound(error)) return { kind: 'none' };
  throw blobFailure(error, where, nowMs);
}

async function listPage(
  container: ContainerClient,
  prefix: string,
  continuationToken: string | undefined,
  abortSignal: AbortSignal,
): Promise<ListedPage> {
  const pages = container
    .listBlobsFlat({ prefix, abortSignal })
    .byPage({ maxPageSize: pageSize, ...(continuationToken === undefined ? {} : { continuationToken }) });
  const result = await pages.next();
  if (result.done === true) return { entries: [], continuationToken: undefined };
  const { segment, continuationToken: next } = result.value;
  return {
    entries: segment.blobItems.map(({ name, properties }) => ({
      key: name,
      validator: quoted(properties.etag) ?? '',
      bytes: properties.contentLength ?? 0,
    })),
    continuationToken: next === '' ? undefined : next,
  };
}

/** Listings give entity tags without their quotes. */
function quoted(etag: string | undefined): string | undefined {
  return etag === undefined || etag === '' ? undefined : `"${etag.replaceAll('"', '')}"`;
}

/** One for all callers, but a failure is nobody's but theirs who saw it. */
function onceUnlessFailed<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () =>
    (made ??= make().catch((error: unknown) => {
      made = undefined;
      throw error;
    }));
}
