// Carries the requests of @azure/storage-blob over the app's own transport. Used by blob.ts only: the SDK's own
// HTTP client does not notice bytes beyond the announced length. Knows no blob.

import { Readable } from 'node:stream';
import type { HttpOperationResponse, IHttpClient, RestError, WebResource } from '@azure/storage-blob';
import type { Token } from '../auth/token.ts';
import { describeCause } from './attempt.ts';
import { readBody } from './body.ts';
import type { Answer, Transport } from './transport.ts';

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
        .get(new URL(request.url), headers, signal)
        .catch((error: NodeJS.ErrnoException) => {
          throw new SdkError(describeCause(error), error.code === undefined ? {} : { code: error.code });
        });
      const { status } = answer;
      // The SDK would follow to any host. Storage never redirects.
      if (status >= 300 && status < 400 && status !== 304)
        throw new Error(`it answered ${status}, a redirect`);
      const streamed = request.streamResponseStatusCodes?.has(status) === true;
      const response = { request, status, headers: headersLike(request, answer) };
      return streamed
        ? {
            ...response,
            readableStreamBody: Readable.from(failingForCertain(answer.body), { objectMode: false }),
          }
        : { ...response, bodyAsText: await readText(answer) };
    },
  };
}

async function readText(answer: Answer): Promise<string> {
  if (answer.framing.kind === 'until-close' && answer.status !== 304)
    throw new Error('it announced no length');
  const body = await readBody(answer.body, maxTextBytes);
  if (body === undefined) throw new Error('its answer is too large');
  return body.toString();
}

// The SDK's stream takes any error after the last announced byte for the end, unless it has this name
// (RetriableReadableStream.ts, sourceErrorOrEndHandler).
async function* failingForCertain(body: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void> {
  try {
    yield* body;
  } catch (error) {
    const failure = error instanceof Error ? error : new Error(String(error));
    failure.name = 'AbortError';
    throw failure;
  }
}

// The SDK takes headers in its own collection only, and a copy of the request's is the one way to get one.
function headersLike(request: WebResource, answer: Answer): HttpOperationResponse['headers'] {
  const headers = request.headers.clone();
  for (const name of headers.headerNames()) headers.remove(name);
  for (const [name, value] of Object.entries(answer.headers)) {
    if (value !== undefined) headers.set(name, Array.isArray(value) ? value.join(', ') : value);
  }
  return headers;
}
