// What the host does with a request: the home page, the admin API, or a function.
// Like Core Tools it asks for no function keys. Knows no instance: it is given who invokes.

import { handleAdmin, type AdminApi } from './admin.ts';
import { maxBodyBytes, HttpServer, type HttpRequest } from './http/server.ts';
import type { HttpResponse } from './http/response.ts';
import { BrokenBody } from './http/request-body.ts';
import type { TypedData } from './protocol.ts';
import type { Match, Router } from './routing.ts';
import { requestToRpc, responseFromRpc } from './rpc-http.ts';

export interface HttpFrontOptions {
  readonly router: Router;
  readonly invokeHttp: (match: Match, data: TypedData) => Promise<TypedData | null>;
  readonly admin: AdminApi;
  readonly onError: (match: Match, error: unknown) => void;
}

const homePage =
  '<!DOCTYPE html><title>Functions</title><p>Your local Functions host is up and running.</p>\n';

export function createHttpFront(options: HttpFrontOptions): HttpServer {
  return new HttpServer(async (request) => {
    const { method, target } = request;
    if (target.path === '/' && /^(?:GET|HEAD)$/iu.test(method)) {
      const headers = [
        ['Content-Type', 'text/html'],
        ['Content-Length', `${homePage.length}`],
      ] as const;
      return { status: 200, headers, body: Buffer.from(homePage) };
    }
    if (/^\/admin\//iu.test(target.path)) return handleAdmin(request, options.admin);
    const match = options.router.match(method, target.path);
    return match === undefined ? { status: 404 } : callFunction(request, match, options);
  });
}

async function callFunction(
  request: HttpRequest,
  match: Match,
  { invokeHttp, onError }: HttpFrontOptions,
): Promise<HttpResponse> {
  try {
    const body = await bodyToHandOn(request);
    if (body === 'too large') throw new Error('Request body too large.');
    return responseFromRpc(await invokeHttp(match, requestToRpc(request, match.params, body)));
  } catch (error) {
    onError(match, error);
    if (error instanceof BrokenBody) throw error;
    return { status: 500 };
  }
}

// As ToRpcHttp: `request.Body != null && request.ContentLength > 0`. What comes in chunks is not read, and kept from
// the worker (https://github.com/Azure/azure-functions-host/issues/4926).
async function bodyToHandOn({ body }: HttpRequest): Promise<Buffer | 'too large' | undefined> {
  if (body.length === 'chunked' || body.length === 0) return undefined;
  return (await body.read(maxBodyBytes)) ?? 'too large';
}
