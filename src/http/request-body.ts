// Request bodies that the host keeps to itself. Used by functions/.
// Knows no function.

import type { HttpRequest, HttpResponseInit } from '@azure/functions';
import { problem } from './problem.ts';

/**
 * The answer to a body that came in chunks and was not passed on; undefined where there is nothing missing.
 * Of a request without a Content-Length the host gives a worker no body
 * (https://github.com/Azure/azure-functions-host/issues/4926), which looks as if it were empty.
 */
export function withheldBody({ headers }: HttpRequest, bodyLength: number): HttpResponseInit | undefined {
  if (bodyLength > 0 || headers.has('content-length') || !headers.has('transfer-encoding')) return undefined;
  return problem('length-required', 'Azure Functions hands on no body that comes without a Content-Length.');
}

/**
 * What the Functions host takes as the body of a request (DefaultMaxRequestBodySize in its ScriptConstants.cs). The
 * other ways are wider: messages between host and worker 2 GiB, a string in Redis 512 MB.
 */
export const largestValueBytes = 104_857_600;
