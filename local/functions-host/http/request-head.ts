// The head of a request, read with Kestrel's rules: what it refuses is refused with its status.
// https://github.com/dotnet/aspnetcore/blob/main/src/Servers/Kestrel/Core/src/Internal/Http/HttpParser.cs

import { parseTarget, type RequestTarget } from './request-target.ts';

export interface RequestHead {
  readonly method: string;
  readonly target: RequestTarget;
  readonly isHttp10: boolean;
  /** Names in lower case; fields that came more than once are joined with a comma and no space. */
  readonly headers: ReadonlyMap<string, string>;
  /** `chunked` wherever there is a Transfer-Encoding, also beside a Content-Length. */
  readonly bodyLength: number | 'chunked';
  readonly keepsAlive: boolean;
}

/** A request that is answered with a status and the end of the connection, without anybody being asked. */
export class Refusal extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

// KestrelServerLimits.cs
const maxRequestLineBytes = 8 * 1024;
const maxHeaderBytes = 32 * 1024;
const maxHeaders = 100;

const tokenPattern = /^[!#$%&'*+\-.^_`|~\w]+$/u;
const hostPattern = /^(?:\[[\da-f:.]+\]|[\w\-.~!$&'()*+,;=%]*)(?::\d*)?$/iu;
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Where the head ends, or -1 while it has not; refuses what can become none. */
export function findHeadEnd(bytes: Buffer): number {
  const end = bytes.indexOf('\r\n\r\n');
  const lineEnd = bytes.indexOf('\n');
  if ((lineEnd === -1 ? bytes.length : lineEnd + 1) > maxRequestLineBytes) {
    throw new Refusal(414, 'Request line too long.');
  }
  if ((end === -1 ? bytes.length : end + 4) - (lineEnd + 1) > maxHeaderBytes && lineEnd !== -1) {
    throw new Refusal(431, 'Request headers too long.');
  }
  // Lines end with CR LF; what has a bare LF would be waited for in vain.
  if (end === -1 && lineEnd !== -1 && /(?:^|[^\r])\n/u.test(bytes.toString('latin1'))) {
    throw new Refusal(400, 'A line does not end with CR LF.');
  }
  return end;
}

/** @param bytes without the empty line at the end. */
export function parseHead(bytes: Buffer): RequestHead {
  const [requestLine = '', ...lines] = bytes.toString('latin1').split('\r\n');
  const [method = '', rawTarget = '', ...versionParts] = requestLine.split(' ');
  const version = versionParts.join(' ');
  if (!tokenPattern.test(method) || rawTarget === '' || version === '') {
    throw new Refusal(400, 'Invalid request line.');
  }
  if (version.length !== 8 || /[\r\n]/u.test(requestLine)) throw new Refusal(400, 'Invalid request line.');
  if (version !== 'HTTP/1.1' && version !== 'HTTP/1.0') {
    throw new Refusal(505, 'Unrecognized HTTP version.');
  }
  const target = parseTarget(method, rawTarget);
  if (target === undefined) throw new Refusal(400, 'Invalid request target.');
  if (lines.length > maxHeaders) throw new Refusal(431, 'Request contains too many headers.');
  const isHttp10 = version === 'HTTP/1.0';
  const headers = parseHeaders(lines);
  checkHost(headers.get('host'), target, isHttp10);
  const connection = headers.get('connection')?.toLowerCase() ?? '';
  return {
    method,
    target,
    isHttp10,
    headers,
    bodyLength: bodyLengthOf(method, headers, isHttp10),
    keepsAlive: isHttp10 ? /\bkeep-alive\b/u.test(connection) : !/\bclose\b/u.test(connection),
  };
}

function parseHeaders(lines: readonly string[]): Map<string, string> {
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(colon, 0)).toLowerCase();
    // oxlint-disable-next-line eslint/no-control-regex -- what no field may hold
    if (!tokenPattern.test(name) || /[\r\n\0]/u.test(line)) throw new Refusal(400, 'Invalid header.');
    const value = textOf(line.slice(colon + 1).replaceAll(/^[ \t]+|[ \t]+$/gu, ''));
    const earlier = headers.get(name);
    if (earlier !== undefined && (name === 'host' || name === 'content-length')) {
      throw new Refusal(400, `More than one ${name}.`);
    }
    headers.set(name, earlier === undefined ? value : `${earlier},${value}`);
  }
  return headers;
}

function textOf(latin1: string): string {
  if (!/[\x80-\xff]/u.test(latin1)) return latin1;
  try {
    return utf8.decode(Buffer.from(latin1, 'latin1'));
  } catch {
    throw new Refusal(400, 'A header is not UTF-8.');
  }
}

function checkHost(host: string | undefined, { authority }: RequestTarget, isHttp10: boolean): void {
  if (host === undefined && !isHttp10) throw new Refusal(400, 'No Host.');
  if (host !== undefined && !hostPattern.test(host)) throw new Refusal(400, 'Invalid Host.');
  if (authority === undefined || host === undefined) return;
  const same = [authority, `${authority}:80`].map((one) => one.toLowerCase());
  if (!same.includes(host.toLowerCase())) throw new Refusal(400, 'Host differs from the target.');
}

// Http1MessageBody.cs, For
function bodyLengthOf(method: string, headers: Map<string, string>, isHttp10: boolean): number | 'chunked' {
  const length = headers.get('content-length');
  if (length !== undefined && !/^\d{1,15}$/u.test(length)) throw new Refusal(400, 'Invalid Content-Length.');
  const coding = headers.get('transfer-encoding');
  if (coding !== undefined) {
    if (coding.split(',').at(-1)?.trim().toLowerCase() !== 'chunked') {
      throw new Refusal(400, 'The last transfer coding is not chunked.');
    }
    if (length !== undefined) {
      headers.delete('content-length');
      headers.set('x-content-length', length);
    }
    return 'chunked';
  }
  if (length === undefined && isHttp10 && (method === 'POST' || method === 'PUT')) {
    throw new Refusal(400, 'A length is required.');
  }
  return Number(length ?? 0);
}
