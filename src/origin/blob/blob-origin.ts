// The Origin port over a blob container, accessed by the app's own identity.

import { TokenOnDemand } from '../../auth/token-on-demand.ts';
import { createTokenSource, type TokenCredentialLike } from '../../auth/token-source.ts';
import type { Clock } from '../../util/clock.ts';
import { urlTemplate } from '../../util/url-template.ts';
import type { Origin } from '../origin.ts';
import { withOriginTimeout } from '../origin-timeout.ts';
import { createTransport } from '../transport.ts';
import { loadBlob } from './load.ts';
import type { BlobService } from './service.ts';

export interface BlobOriginOptions {
  /** Of a container, over https only: a token is sent there. */
  readonly containerUrl: string;
  readonly credential: TokenCredentialLike;
  readonly clock: Clock;
  /** For one load from the question to the last byte, and for one page of a listing. */
  readonly timeLimitMs: number;
  readonly userAgent?: string;
  /** Names, in lower case, of header fields that belong to the content and are stored with it. */
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
  const urlOf = urlTemplate(`${containerUrl}/{+key}`);
  const tokens = storageToken(options);
  const service: BlobService = {
    transport: createTransport(maxSockets === undefined ? {} : { maxSockets }),
    token: async () => tokens.get(),
    clock,
    userAgent,
    where: url.origin,
  };
  const limits = { clock, timeLimitMs, where: url.origin };

  return {
    kind: 'blob',
    async load(key, load) {
      const href = urlOf(key);
      if (href === undefined) return { kind: 'none', status: 404, fields: {} };
      return withOriginTimeout({ ...limits, signal: load.signal }, async (signal) =>
        loadBlob(service, href, { ...load, keepHeaders, signal }),
      );
    },

    listing: {
      scope: containerUrl,
      async *pages(prefix, { continuationToken: first, signal: giveUp }) {
        for (let continuationToken = first; ;) {
          const query = { containerUrl, prefix, continuationToken };
          const page = await withOriginTimeout({ ...limits, signal: giveUp }, async (signal) => {
            const { listPage } = await import('./listing.ts');
            return listPage(service, query, signal);
          });
          yield page;
          if (page.continuationToken === undefined) return;
          continuationToken = page.continuationToken;
        }
      },
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
