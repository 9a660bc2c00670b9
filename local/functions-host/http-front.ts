// HTTP of the host: request -> the worker's RPC shape -> response. Used by host.ts.
// Like Core Tools it asks for no function keys. Knows no instance: it is given who invokes.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { InstanceGone } from './instance-handle.ts';
import type { TypedData } from './protocol.ts';
import { decodePath, type Match, type Router } from './routing.ts';

export interface HttpFrontOptions {
  readonly router: Router;
  readonly invokeHttp: (match: Match, data: TypedData) => Promise<TypedData | null>;
  /** Answers a path under /admin; undefined where there is none. */
  readonly admin: (method: string, path: string) => Promise<AdminAnswer | undefined>;
  readonly onError: (match: Match, error: unknown) => void;
}

export interface AdminAnswer {
  readonly status: number;
  readonly body?: unknown;
}

// FUNCTIONS_REQUEST_BODY_SIZE_LIMIT (https://learn.microsoft.com/azure/azure-functions/functions-app-settings).
const maxBodyBytes = 104_857_600;

export function createHttpFront(options: HttpFrontOptions): Server {
  return createServer((request, response) => {
    serve(request, response, options).catch((error: unknown) => {
      if (!response.headersSent) plain(response, 500, String(error));
      else response.destroy();
    });
  });
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  options: HttpFrontOptions,
): Promise<void> {
  const [rawPath, query] = splitOnce(request.url ?? '/', '?');
  const path = decodePath(rawPath);
  const method = request.method ?? 'GET';
  const body = await readBody(request);
  if (body === undefined) return plain(response, 413, 'The request body is too large.');

  if (path.startsWith('/admin/')) {
    const answer = await options.admin(method, path);
    if (answer === undefined) return plain(response, 404, '');
    response.writeHead(answer.status, { 'Content-Type': 'application/json' });
    response.end(answer.body === undefined ? '' : JSON.stringify(answer.body));
    return;
  }
  const match = options.router.match(method, path);
  if (match === undefined) return plain(response, 404, '');

  const host = request.headers.host ?? 'localhost';
  const url = `http://${host}${encodePath(path)}${query === '' ? '' : `?${query}`}`;
  const data: TypedData = {
    http: {
      method,
      url,
      headers: flatHeaders(request),
      params: match.params,
      query: Object.fromEntries(new URLSearchParams(query)),
      body: isHandedOn(request) ? { bytes: body } : null,
    },
  };
  try {
    writeResponse(method, response, await options.invokeHttp(match, data));
  } catch (error) {
    options.onError(match, error);
    // The real host answers 500 without a body when a function throws, 502 when its worker is gone.
    plain(response, error instanceof InstanceGone ? 502 : 500, '');
  }
}

async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBodyBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, bytes);
}

// As GrpcMessageConversionExtensions.cs, ToRpcHttp: `request.Body != null && request.ContentLength > 0`. What comes in
// chunks is read and kept from the worker (https://github.com/Azure/azure-functions-host/issues/4926).
function isHandedOn({ headers }: IncomingMessage): boolean {
  return Number(headers['content-length'] ?? 0) > 0;
}

function writeResponse(method: string, response: ServerResponse, returned: TypedData | null): void {
  const http = returned?.http;
  if (http === undefined || http === null) {
    // A handler that returns nothing: https://learn.microsoft.com/azure/azure-functions/functions-reference-node
    response.writeHead(returned === null ? 204 : 200).end(returned?.string ?? undefined);
    return;
  }
  const { body } = http;
  const bytes = body?.bytes ?? body?.string ?? body?.json ?? '';
  const content = Buffer.from(bytes as string);
  const headers = { ...http.headers };
  const bodiless = method === 'HEAD' || http.statusCode === '304' || http.statusCode === '204';
  if (!bodiless) headers['content-length'] = `${content.length}`;
  response.writeHead(Number(http.statusCode ?? 200), headers);
  response.end(bodiless ? undefined : content);
}

function flatHeaders(request: IncomingMessage): Record<string, string> {
  return Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(', ') : (value ?? ''),
    ]),
  );
}

/** The decoded path as the host writes it into the URL: what may stand in a path stays, escapes included. */
function encodePath(path: string): string {
  return encodeURI(path)
    .replaceAll('?', '%3F')
    .replaceAll('#', '%23')
    .replaceAll(/%25(?=[\da-f]{2})/giu, '%');
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at === -1 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

function plain(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'Content-Type': 'text/plain' }).end(text);
}
