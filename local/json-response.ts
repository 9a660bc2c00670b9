// One way to answer with JSON, for the emulated token services.

import type { ServerResponse } from 'node:http';

export type JsonBody = Readonly<Record<string, unknown>>;

export function sendJson(response: ServerResponse, status: number, body: JsonBody): void {
  const bytes = Buffer.from(JSON.stringify(body));
  response.writeHead(status, {
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': bytes.length,
    'Cache-Control': 'no-store',
  });
  response.end(bytes);
}
