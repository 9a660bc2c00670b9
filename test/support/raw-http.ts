// One HTTP exchange over a plain socket: the bytes of the request as they are, the answer as it came.

import { connect } from 'node:net';

export interface RawResponse {
  /** Status lines of what came before the answer, such as `HTTP/1.1 100 Continue`. */
  readonly interim: readonly string[];
  readonly status: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Decoded where it came in chunks; each character is a byte. */
  readonly body: string;
  /** Whether the server ended the connection after the answer. */
  readonly closes: boolean;
}

export interface RawExchangeOptions {
  readonly method?: string;
  /** How long an answer that has begun may stand still before it is taken as it is. */
  readonly silenceMs?: number;
  /** Whether to end the sending side after the request. */
  readonly halfClose?: boolean;
}

const probe = 'GET /probe HTTP/1.1\r\nHost: probe\r\n\r\n';

/** Sends `request`; when the answer is whole, asks once more to see whether the connection was kept. */
export async function exchange(
  port: number,
  request: string,
  options: RawExchangeOptions = {},
): Promise<RawResponse> {
  const { method = request.slice(0, request.indexOf(' ')), silenceMs = 2000, halfClose = false } = options;
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  const ended = Promise.withResolvers<boolean>();
  let received = '';
  let isProbed = false;
  let silence: NodeJS.Timeout | undefined;
  const kept = (): void => ended.resolve(false);
  socket.setEncoding('latin1').on('data', (text: string) => {
    clearTimeout(silence);
    if (isProbed) return kept();
    received += text;
    const parsed = parse(received, method);
    if (parsed?.isWhole === true) {
      isProbed = true;
      if (halfClose) ended.resolve(true);
      else socket.write(probe);
    } else if (parsed !== undefined) {
      silence = setTimeout(kept, silenceMs);
    }
  });
  socket.on('end', () => ended.resolve(true)).on('close', () => ended.resolve(true));
  // A reset is an end, too.
  socket.on('error', () => {});
  socket.write(Buffer.from(request, 'latin1'));
  if (halfClose) socket.end();
  const closes = await ended.promise;
  clearTimeout(silence);
  socket.destroy();
  const { interim, status, headers, body } = parse(received, method) ?? nothing;
  return { interim, status, headers, body, closes };
}

interface Parsed extends Omit<RawResponse, 'closes'> {
  readonly isWhole: boolean;
}

const nothing: Parsed = { interim: [], status: '', headers: [], body: '', isWhole: false };

function parse(text: string, method: string): Parsed | undefined {
  const end = text.indexOf('\r\n\r\n');
  if (end === -1) return undefined;
  const [status = '', ...lines] = text.slice(0, end).split('\r\n');
  const rest = text.slice(end + 4);
  if (/^\S+ 1\d\d/u.test(status)) {
    const final = parse(rest, method);
    return final && { ...final, interim: [status, ...final.interim] };
  }
  const headers = lines.map((line) => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon), line.slice(colon + 1).trim()] as const;
  });
  const fields = new Map(headers.map(([name, value]) => [name.toLowerCase(), value]));
  const head = { interim: [], status, headers };
  if (method === 'HEAD' || /^\S+ (?:204|304)/u.test(status)) return { ...head, body: '', isWhole: true };
  if (fields.has('transfer-encoding')) return { ...head, ...parseChunks(rest) };
  const length = Number(fields.get('content-length') ?? Number.POSITIVE_INFINITY);
  return { ...head, body: rest.slice(0, length), isWhole: rest.length >= length };
}

function parseChunks(text: string): Pick<Parsed, 'body' | 'isWhole'> {
  const pieces: string[] = [];
  for (let at = 0; ;) {
    const size = /^(?<size>[\da-f]+)\r\n/iu.exec(text.slice(at, at + 20))?.groups?.['size'];
    if (size === undefined) return { body: pieces.join(''), isWhole: false };
    const begin = at + size.length + 2;
    const length = Number.parseInt(size, 16);
    pieces.push(text.slice(begin, begin + length));
    at = begin + length + 2;
    if (length === 0) return { body: pieces.join(''), isWhole: true };
  }
}
