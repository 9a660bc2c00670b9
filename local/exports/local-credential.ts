// A TokenCredential that asks the local identity endpoint as ManagedIdentityCredential would, without its environment
// variables: those are for a whole process, and a test may have several endpoints.

import type { IdentityEndpoint } from '../identity-endpoint.ts';

/** Fits wherever a `TokenCredential` of `@azure/identity` does. */
export interface LocalCredential {
  /**
   * Asks the endpoint for a token, each time.
   * @param scopes one scope, like `https://redis.azure.com/.default`.
   * @throws Error when the endpoint fails.
   */
  getToken(
    scopes: string | string[],
    options?: { readonly abortSignal?: AbortSignalLike },
  ): Promise<{ readonly token: string; readonly expiresOnTimestamp: number }>;
}

/** The part of an AbortSignal that is used; `@azure/abort-controller` has one of its own. */
export interface AbortSignalLike {
  readonly aborted: boolean;
  addEventListener(type: 'abort', listener: () => void): void;
}

interface Answer {
  readonly access_token: string;
  readonly expires_on: string;
}

export function localCredential({ url, header }: Pick<IdentityEndpoint, 'url' | 'header'>): LocalCredential {
  return {
    async getToken(scopes, { abortSignal } = {}) {
      const [scope = ''] = typeof scopes === 'string' ? [scopes] : scopes;
      const target = new URL(url);
      target.searchParams.set('api-version', '2019-08-01');
      target.searchParams.set('resource', scope.replace(/\/\.default$/u, ''));
      const over = new AbortController();
      if (abortSignal?.aborted === true) over.abort();
      abortSignal?.addEventListener('abort', () => over.abort());
      const response = await fetch(target, {
        headers: { 'X-IDENTITY-HEADER': header },
        signal: over.signal,
      });
      if (!response.ok) throw new Error(`The identity endpoint answered ${response.status}.`);
      const { access_token: token, expires_on: expiresOn } = (await response.json()) as Answer;
      return { token, expiresOnTimestamp: Number(expiresOn) * 1000 };
    },
  };
}
