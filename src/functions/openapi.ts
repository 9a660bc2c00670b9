// GET and HEAD /api/openapi.json: what the HTTP side takes and answers, for programs.

import { createHash } from 'node:crypto';
import type { HttpHandler } from '@azure/functions';
import { isNotModified } from '../http/conditional.ts';
import type { ApiOptions } from '../http/openapi/document.ts';
import { httpHandler, type HandlerDeps } from './handler.ts';

export interface OpenApiDeps extends HandlerDeps {
  /** As the host knows it: below the prefix of all routes. */
  readonly route: string;
  /** Asked with each request: routes may be registered after this one. */
  readonly api: () => Omit<ApiOptions, 'basePath'>;
}

export function openapi(deps: OpenApiDeps): HttpHandler {
  const { route, api } = deps;
  return httpHandler(deps, async ({ url, headers: given }) => {
    // Loaded when it is first asked for: no start waits for it.
    const { openApiDocument } = await import('../http/openapi/document.ts');
    const { pathname } = new URL(url);
    const basePath = pathname.endsWith(`/${route}`) ? pathname.slice(0, -route.length - 1) : '/api';
    const body = JSON.stringify(openApiDocument({ ...api(), basePath }));
    const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
    const headers = { ETag: etag, 'Cache-Control': 'private, no-cache' };
    if (isNotModified(given.get('if-none-match'), etag)) return { status: 304, headers };
    return { status: 200, headers: { ...headers, 'Content-Type': 'application/json' }, body };
  });
}
