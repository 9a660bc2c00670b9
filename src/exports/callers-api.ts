// What a user of callers with tokens sees: their options, and whom a token speaks for.

import type {
  HttpHandler,
  HttpRequest,
  HttpResponse,
  HttpResponseInit,
  InvocationContext,
} from '@azure/functions';
import type { Identity } from '../http/callers/caller.ts';
import type { CallerPrefixes } from '../http/callers/prefixes.ts';

export type { CallerPrefixes } from '../http/callers/prefixes.ts';

/** Whose tokens are accepted, and for whom. */
export interface EntraCallersOptions {
  /** The tenant that issues the tokens: its id, or one of its domains. */
  readonly tenantId: string;
  /**
   * What the tokens are for, the claim `aud`: the client id of the application that stands for your app, which is in all
   * tokens of version 2, or its App ID URI, which can be in those of version 1. One of them exactly; at most 10.
   */
  readonly audience: string | readonly string[];
  /** `https://login.microsoftonline.com` where undefined. Sovereign clouds have others. */
  readonly authorityHost?: string | undefined;
  /**
   * Object id, or app role -> the prefix of all keys that such a caller may name: `{ 'Team.Shop': 'shop/' }`. That of an
   * object id counts alone; of several roles each does. Who is named by none, or has the empty prefix, may name any key.
   */
  readonly prefixes?: CallerPrefixes | undefined;
  /**
   * Whether the platform's sign-in (App Service authentication) is on for this app: then the fleet page lets in whom it
   * has signed in, by the header `X-MS-CLIENT-PRINCIPAL`. False where undefined: anybody could send that header.
   */
  readonly easyAuth?: boolean | undefined;
  /**
   * PEM: the certificate authorities to trust, in place of those that Node.js trusts. For a proxy with a private one,
   * and for tests.
   */
  readonly ca?: string | undefined;
}

/** Whom a verified token speaks for. */
export interface AuthenticatedCaller extends Identity {
  /** Every key that the caller may name begins with one of these; undefined where it may name any. */
  readonly prefixes: readonly string[] | undefined;
}

/** A handler of yours, as it is given to `authenticated`; one of `app.http` fits, and so does what `httpHandler` returns. */
export type AuthenticatedHandler = (
  request: HttpRequest,
  context: InvocationContext,
  caller: AuthenticatedCaller,
) => HttpResponseInit | HttpResponse | Promise<HttpResponseInit | HttpResponse>;

/** Who is let in to a handler of yours. */
export interface AuthenticatedOptions {
  /** App roles, any of which is enough. Without any, every token of the tenant for this app is. */
  readonly roles: readonly string[];
}

/** Lets in callers with tokens. Made by `entraCallers`. */
export interface Callers extends Disposable {
  /**
   * A handler that whoever has no right token does not reach: 401 with `WWW-Authenticate`, 403 for one that lacks the
   * role, 503 while the keys of the tenant cannot be read. Register it with `authLevel: 'anonymous'`.
   *
   * @throws AppError `options-invalid` that names every option that is missing or wrong.
   * @example
   * ```ts
   * const hello = callers.authenticated(async (_request, _context, { objectId }) => ({ body: `Hello ${objectId}` }), {
   *   roles: ['Greetings.Read'],
   * });
   * app.http('hello', { authLevel: 'anonymous', handler: hello });
   * ```
   */
  authenticated(handler: AuthenticatedHandler, options: AuthenticatedOptions): HttpHandler;
  /** Stops reading keys; those that are known go on being used. Not needed where they are given to something that registers routes. */
  close(): void;
}
