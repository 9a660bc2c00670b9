// The wrapper for a handler of one's own that is to know its caller: who is not let in does not reach it.

import type {
  HttpHandler,
  HttpRequest,
  HttpResponse,
  HttpResponseInit,
  InvocationContext,
} from '@azure/functions';
import type { Caller } from '../http/callers/caller.ts';
import type { Access } from '../http/callers/entra-callers.ts';
import { httpHandler, type HandlerDeps } from './handler.ts';

export type AuthenticatedHandle = (
  request: HttpRequest,
  context: InvocationContext,
  caller: Caller,
) => HttpResponseInit | HttpResponse | Promise<HttpResponseInit | HttpResponse>;

/** @param deps with the time that finding out may take: what `handle` takes is its own affair. */
export function authenticated(
  deps: HandlerDeps & { readonly access: Access },
  handle: AuthenticatedHandle,
): HttpHandler {
  return httpHandler(deps, async (request, { context, caller }) => handle(request, context, caller));
}
