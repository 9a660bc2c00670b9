// The bytes of a response as Kestrel writes them: names, order, and how the body's end is told.
// https://github.com/dotnet/aspnetcore/blob/main/src/Servers/Kestrel/Core/src/Internal/Http/HttpProtocol.cs

import { STATUS_CODES } from 'node:http';

export interface HttpResponse {
  readonly status: number;
  readonly headers?: readonly (readonly [name: string, value: string])[];
  readonly body?: Uint8Array;
  /** Ends the connection, whatever else would keep it. */
  readonly closes?: boolean;
}

export interface RequestTraits {
  readonly isHead: boolean;
  readonly isHttp10: boolean;
  readonly keepsAlive: boolean;
}

export interface EncodedResponse {
  readonly pieces: readonly Uint8Array[];
  /** Whether the connection can be used for another request. */
  readonly keeps: boolean;
}

// The fields that Kestrel knows are written with these names, in this order and before all others.
const knownNames =
  'Content-Length Connection Content-Type Date Server Accept-Ranges Access-Control-Allow-Credentials Access-Control-Allow-Headers Access-Control-Allow-Methods Access-Control-Allow-Origin Access-Control-Expose-Headers Access-Control-Max-Age Age Allow Alt-Svc Cache-Control Content-Encoding Content-Language Content-Location Content-MD5 Content-Range ETag Expires Keep-Alive Last-Modified Location Pragma Proxy-Authenticate Proxy-Connection Retry-After Set-Cookie Trailer Transfer-Encoding Upgrade Vary Via Warning WWW-Authenticate'.split(
    ' ',
  );
const known = new Map(knownNames.map((name, order) => [name.toLowerCase(), { name, order }]));

/** What nobody may send: the field before it stays, the status becomes 500. */
// oxlint-disable-next-line eslint/no-control-regex -- exactly those, and what is not ASCII
const unsendable = /[^\t\x20-\x7e]/u;

export function encodeResponse(response: HttpResponse, request: RequestTraits): EncodedResponse {
  const fields = new FieldList();
  for (const [name, value] of response.headers ?? []) {
    if (unsendable.test(value)) {
      fields.delete('content-length');
      return encode({ status: 500, closes: response.closes ?? false }, fields, request);
    }
    // An empty type is none; other fields may be empty.
    if (value !== '' || name.toLowerCase() !== 'content-type') fields.add(name, value);
  }
  return encode(response, fields, request);
}

function encode(response: HttpResponse, fields: FieldList, request: RequestTraits): EncodedResponse {
  const { status, body = new Uint8Array(), closes = false } = response;
  const hasNoBody = request.isHead || status === 204 || status === 304;
  const announced = fields.get('content-length');
  const isRaw = fields.has('transfer-encoding');
  if (announced !== undefined && !isRaw && !hasNoBody && Number(announced) !== body.length) {
    if (body.length > Number(announced)) return failed(request, true);
    if (body.length === 0) return failed(request, false);
  }
  const appCloses = /\bclose\b/iu.test(fields.get('connection') ?? '');
  let keeps = request.keepsAlive && !closes && !appCloses;
  let isChunked = false;
  if (announced === undefined && !isRaw && !hasNoBody) {
    if (body.length === 0) fields.add('Content-Length', '0');
    else if (request.isHttp10) keeps = false;
    else {
      isChunked = true;
      fields.add('Transfer-Encoding', 'chunked');
    }
  }
  if (!fields.has('connection')) {
    if (!keeps) fields.add('Connection', 'close');
    else if (request.isHttp10) fields.add('Connection', 'keep-alive');
  }
  if (!fields.has('server')) fields.add('Server', 'Kestrel');
  if (!fields.has('date')) fields.add('Date', httpDate());
  const head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${fields.toString()}\r\n`;
  // Who was promised more can only be told so by the end of the connection.
  const isShort = !hasNoBody && !isRaw && announced !== undefined && body.length < Number(announced);
  return {
    pieces: hasNoBody || body.length === 0 ? [Buffer.from(head)] : withBody(head, body, isChunked),
    keeps: keeps && !isShort,
  };
}

function failed(request: RequestTraits, closes: boolean): EncodedResponse {
  return encode({ status: 500, closes }, new FieldList(), request);
}

const joinedUpToBytes = 16 * 1024;

function withBody(head: string, body: Uint8Array, isChunked: boolean): readonly Uint8Array[] {
  const before = Buffer.from(isChunked ? `${head}${body.length.toString(16)}\r\n` : head);
  const pieces = isChunked ? [before, body, lastChunk] : [before, body];
  // One write to the socket costs more than copying a small body.
  return body.length <= joinedUpToBytes ? [Buffer.concat(pieces)] : pieces;
}

const lastChunk = Buffer.from('\r\n0\r\n\r\n');

class FieldList {
  readonly #known: (string | undefined)[] = [];
  readonly #others: string[] = [];
  readonly #values = new Map<string, string>();

  add(name: string, value: string): void {
    const lowerCase = name.toLowerCase();
    const entry = known.get(lowerCase);
    const line = `${entry?.name ?? name}: ${value}\r\n`;
    if (entry === undefined) this.#others.push(line);
    else this.#known[entry.order] = `${this.#known[entry.order] ?? ''}${line}`;
    this.#values.set(lowerCase, value);
  }

  get(name: string): string | undefined {
    return this.#values.get(name);
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }

  delete(name: string): void {
    const entry = known.get(name);
    if (entry !== undefined) this.#known[entry.order] = undefined;
    this.#values.delete(name);
  }

  toString(): string {
    return this.#known.join('') + this.#others.join('');
  }
}

let dateAtMs = 0;
let dateText = '';

function httpDate(): string {
  const nowMs = Date.now();
  if (nowMs - dateAtMs >= 1000 || nowMs < dateAtMs) {
    dateAtMs = nowMs - (nowMs % 1000);
    dateText = new Date(nowMs).toUTCString();
  }
  return dateText;
}
