// Listings of a container by @azure/storage-blob. Loaded by blob.ts when first needed: the SDK takes longer to
// load than everything else the app loads, and reads need none of it. Knows no Redis.

import { ContainerClient, newPipeline, RestError } from '@azure/storage-blob';
import type { Token } from '../../auth/token.ts';
import type { Clock } from '../../util/clock.ts';
import { blobFailure } from './failures.ts';
import { sdkHttpClient } from './transport.ts';
import type { ListedPage } from '../origin.ts';
import type { Transport } from '../transport.ts';

export interface ListingOptions {
  readonly containerUrl: string;
  readonly transport: Transport;
  readonly token: () => Promise<Token>;
  readonly userAgent: string;
}

/** Of one listing request; the most that is worth it to have in memory at once. The service gives up to 5,000. */
const pageSize = 1000;

export function openContainer({
  containerUrl,
  transport,
  token,
  userAgent,
}: ListingOptions): ContainerClient {
  // Without a credential: the token is added by the transport.
  const pipeline = newPipeline(undefined, {
    httpClient: sdkHttpClient(transport, token, RestError),
    retryOptions: { maxTries: 2, retryDelayInMs: 100, maxRetryDelayInMs: 1000 },
    userAgentOptions: { userAgentPrefix: userAgent },
  });
  return new ContainerClient(containerUrl, pipeline);
}

/**
 * The page at `continuationToken`.
 * @throws AppError `origin-failed` where storage answered with an error.
 */
export async function listPage(
  container: ContainerClient,
  prefix: string,
  continuationToken: string | undefined,
  { where, clock, signal }: { readonly where: string; readonly clock: Clock; readonly signal: AbortSignal },
): Promise<ListedPage> {
  const pages = container
    .listBlobsFlat({ prefix, abortSignal: signal, includeMetadata: true })
    .byPage({ maxPageSize: pageSize, ...(continuationToken === undefined ? {} : { continuationToken }) });
  const result = await pages.next().catch((error: unknown) => {
    const { statusCode: status, response } = error instanceof RestError ? error : {};
    if (status === undefined) throw error;
    throw blobFailure({ status, headers: response?.headers.toJSON() ?? {} }, where, clock.wallMs());
  });
  if (result.done === true) return { entries: [], continuationToken: undefined };
  const { segment, continuationToken: next } = result.value;
  return {
    entries: segment.blobItems
      // The directories of a hierarchical namespace.
      .filter(({ metadata }) => metadata?.['hdi_isfolder']?.toLowerCase() !== 'true')
      .map(({ name, properties }) => ({
        key: name,
        // Listings give entity tags without their quotes.
        etag: `"${(properties.etag ?? '').replaceAll('"', '')}"`,
        bytes: properties.contentLength ?? 0,
      })),
    continuationToken: next === '' ? undefined : next,
  };
}
