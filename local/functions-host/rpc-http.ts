// Between HTTP and the worker's RPC: a request as a worker gets it, and the response in what it returns.
// https://github.com/Azure/azure-functions-host/blob/dev/src/WebJobs.Script.Grpc/MessageExtensions/GrpcMessageConversionExtensions.cs

import { encodePath } from './http/percent.ts';
import { parseQuery } from './http/request-target.ts';
import type { HttpResponse } from './http/response.ts';
import type { HttpRequest } from './http/server.ts';
import type { HttpCookie, TypedData } from './protocol.ts';

/** @param body undefined where none is handed on. */
export function requestToRpc(
  { method, target, headers }: HttpRequest,
  params: Readonly<Record<string, string>>,
  body: Buffer | undefined,
): TypedData {
  const { path, query, authority } = target;
  const host = headers.get('host') ?? authority ?? 'localhost';
  const search = query === '' ? '' : `?${query.replaceAll('#', '%23')}`;
  return {
    http: {
      method,
      url: `http://${host}${encodePath(path)}${search}`,
      headers: Object.fromEntries(headers),
      params,
      query: parseQuery(query),
      body: body === undefined ? null : { bytes: body },
    },
  };
}

export function responseFromRpc(returned: TypedData | null): HttpResponse {
  const http = returned?.http;
  // A handler that returns nothing: https://learn.microsoft.com/azure/azure-functions/functions-reference-node
  if (http === undefined || http === null) {
    if (returned === null) return { status: 204 };
    return { status: 200, body: Buffer.from(returned.string ?? '') };
  }
  const { bytes, string, json } = http.body ?? {};
  const cookies = (http.cookies ?? []).map((cookie) => ['Set-Cookie', setCookie(cookie)] as const);
  return {
    status: Number(http.statusCode ?? 200),
    headers: [...Object.entries(http.headers ?? {}), ...cookies],
    body: bytes ?? Buffer.from(string ?? json ?? ''),
  };
}

// RawScriptResult.cs adds them by CookieOptions, which are at home under the path /; the order of the attributes is
// that of SetCookieHeaderValue.cs.
function setCookie(cookie: HttpCookie): string {
  const { name, value, expires, maxAge, domain, path, secure, sameSite, httpOnly } = cookie;
  const expiresAt = expires && new Date(expires.value.seconds * 1000).toUTCString();
  const site = sameSite === 'explicitNone' ? 'none' : sameSite;
  return [
    `${name}=${encodeURIComponent(value)}`,
    expiresAt && `expires=${expiresAt}`,
    maxAge && `max-age=${Math.trunc(maxAge.value)}`,
    domain && `domain=${domain.value}`,
    `path=${path?.value ?? '/'}`,
    secure?.value === true && 'secure',
    site !== undefined && sameSite !== 'none' && `samesite=${site}`,
    httpOnly?.value === true && 'httponly',
  ]
    .filter((part) => typeof part === 'string')
    .join('; ');
}
