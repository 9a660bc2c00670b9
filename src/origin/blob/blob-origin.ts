// The Origin port over a blob container, entered by the app's own identity. Made by parts.ts, used by
// cache/ and warmup/. Knows no Redis.

import { TokenOnDemand } from '../../auth/token-on-demand.ts';
import { createTokenSource, type TokenCredentialLike } from '../../auth/token-source.ts';
import type { Clock } from '../../util/clock.ts';
import { attempt } from '../origin-timeout.ts';
import { loadBlob, type BlobLoader } from './load.ts';
import type { Origin } from '../origin.ts';
import { placeIn } from '../../util/url-template.ts';
import { createTransport } from '../transport.ts';

export interface BlobOriginOptions {
  /** Of a container, over https only: a token is sent there. */
  readonly containerUrl: string;
  readonly credential: TokenCredentialLike;
  readonly clock: Clock;
  /** For one load from the question to the last byte, and for one page of a listing. */
  readonly timeLimitMs: number;
  readonly userAgent?: string;
  /** Names of header fields that belong to the content and are kept with it, in lower case. */
  readonly keepHeaders?: readonly string[];
  readonly maxSockets?: number;
}

/** The identity endpoint normally answers within 2 s; who waits for a load does not wait longer than its limit. */
const tokenLimitMs = 5000;

export function createBlobOrigin(options: BlobOriginOptions): Origin {
  const { clock, timeLimitMs, userAgent = 'redis-entra-functions', keepHeaders = [], maxSockets } = options;
  const url = new URL(options.containerUrl);
  if (url.protocol !== 'https:') throw new TypeError('A token is sent over https only.');
  const containerUrl = url.href.replace(/\/+$/u, '');
  const place = placeIn(`${containerUrl}/{+key}`);
  const tokens = storageToken(options);
  const loader: BlobLoader = {
    transport: createTransport(maxSockets === undefined ? {} : { maxSockets }),
    token: async () => tokens.get(),
    clock,
    userAgent,
    keepHeaders,
    where: url.origin,
  };
  const listing = onceUnlessFailed(async () => {
    const { listPage, openContainer } = await import('./listing.ts');
    return { listPage, container: openContainer({ ...loader, containerUrl }) };
  });
  const limits = { clock, timeLimitMs, where: url.origin };

  return {
    async load(key, load) {
      const href = place(key);
      if (href === undefined) return { kind: 'none', status: 404, fields: {} };
      return attempt({ ...limits, signal: load.signal }, async (signal) =>
        loadBlob(loader, href, { ...load, signal }),
      );
    },

    async *list(prefix, { continuationToken, signal: giveUp }) {
      let next = continuationToken;
      do {
        const page = await attempt({ ...limits, signal: giveUp }, async (signal) => {
          const { listPage, container } = await listing();
          return listPage(container, prefix, next, { ...loader, signal });
        });
        yield page;
        next = page.continuationToken;
      } while (next !== undefined);
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

/** One for all callers, but a failure is nobody's but theirs who saw it. */
function onceUnlessFailed<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () =>
    (made ??= make().catch((error: unknown) => {
      made = undefined;
      throw error;
    }));
}
