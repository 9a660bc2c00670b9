// Carries the listings of @azure/storage-blob over the app's own transport: the SDK's own HTTP client does not
// notice bytes beyond the announced length. Used by blob-listing.ts only. Knows no blob.

import type { HttpOperationResponse, IHttpClient, RestError, WebResource } from '@azure/storage-blob';
import type { Token } from '../../auth/token.ts';
import { describe } from '../../util/errors.ts';
import { readBody } from '../response-body.ts';
import { RetryBudget } from '../retry-budget.ts';
import type { Answer, Transport } from '../transport.ts';

/** A page of 1,000 names of 1,024 characters is 3 MB at worst; whatever else comes as text is far smaller. */
const maxTextBytes = 16 * 1024 * 1024;

/**
 * @param token asked for each request. It is added here, so that no error of the SDK, which hold their request,
 * holds a token.
 * @param SdkError the SDK repeats a request for errors of this class only.
 */
export function sdkHttpClient(
  transport: Transport,
  token: () => Promise<Token>,
  SdkError: typeof RestError,
): IHttpClient {
  return {
    async sendRequest(request) {
      if (request.method !== 'GET') throw new TypeError('Only GET is carried.');
      const authorization = { Authorization: `Bearer ${(await token()).reveal()}` };
      const headers = { ...request.headers.toJson({ preserveCase: true }), ...authorization };
      const signal = (request.abortSignal as AbortSignal | undefined) ?? new AbortController().signal;
      const answer = await transport
        // The SDK repeats by itself.
        .get(new URL(request.url), headers, signal, new RetryBudget(0))
        .catch((error: NodeJS.ErrnoException) => {
          throw new SdkError(describe(error), error.code === undefined ? {} : { code: error.code });
        });
      const { status } = answer;
      // The SDK would follow to any host. Storage never redirects.
      if (status >= 300 && status < 400) throw new Error(`it answered ${status}, a redirect`);
      return { request, status, headers: headersLike(request, answer), bodyAsText: await readText(answer) };
    },
  };
}

async function readText(answer: Answer): Promise<string> {
  if (answer.framing.kind === 'until-close') throw new Error('it announced no length');
  const body = await readBody(answer.body, maxTextBytes);
  if (body === undefined) throw new Error('its answer is too large');
  return body.toString().replaceAll(unusedProperty, '');
}

// The SDK makes 80 KB of garbage of each blob in a listing, more than half of it of properties that
// nobody asks for here. No text in XML has a "<", so that each match is an element.
const unusedProperty =
  /<(?<name>[A-Z]\w+-Time|Last-Modified|Content-(?!Length)\w+|Cache-Control|BlobType|AccessTier\w*|Lease\w+|ServerEncrypted|OrMetadata)(?:\s*\/>|>[^<]*<\/\k<name>>)/gu;

// The SDK takes headers in its own collection only, and a copy of the request's is the one way to get one.
function headersLike(request: WebResource, answer: Answer): HttpOperationResponse['headers'] {
  const headers = request.headers.clone();
  for (const name of headers.headerNames()) headers.remove(name);
  for (const [name, value] of Object.entries(answer.headers)) {
    if (value !== undefined) headers.set(name, Array.isArray(value) ? value.join(', ') : value);
  }
  return headers;
}
