// GET over node:http and node:https, such that a cut or overlong answer is told from a complete one.
// Not fetch: it decompresses by itself, and then no length can be checked.

import { Agent, request as requestPlain, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { Agent as TlsAgent, request as requestTls } from 'node:https';
import type { RetryBudget } from './retry-budget.ts';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** How the end of the body is known. */
  readonly framing:
    | { readonly kind: 'length'; readonly bytes: number }
    | { readonly kind: 'chunked' }
    | { readonly kind: 'until-close' };
  /** To be read once. Fails if it was cut, or if more came than was announced. */
  readonly body: AsyncIterable<Buffer>;
}

export interface Transport {
  /**
   * Asks; the connection is given up when `signal` aborts before the body has ended.
   * @param retries for a question that meets an idle connection just as the server closes it.
   */
  get(
    url: URL,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
    retries: RetryBudget,
  ): Promise<Answer>;
}

export interface TransportOptions {
  /** To one host. More requests than this wait for each other. */
  readonly maxSockets?: number;
}

// No less than there can be loads at once, lest slow ones keep quick ones from connections: see cache/loader.ts
// (loads, renewals, and loads that bypass Redis) and warmup/warmup.ts.
const defaultMaxSockets = 144;

/** Of the header fields of an answer, in bytes; Node.js itself would take 16 KiB. */
const maxHeaderSize = 64 * 1024;

export function createTransport({ maxSockets = defaultMaxSockets }: TransportOptions = {}): Transport {
  const agentOptions = { keepAlive: true, maxSockets, maxFreeSockets: maxSockets };
  const plain = new Agent(agentOptions);
  const tls = new TlsAgent(agentOptions);

  // Where one idle connection is dead, others are, and a retry would meet the next one.
  const closeIdle = (): void => {
    for (const { freeSockets } of [plain, tls]) {
      for (const socket of Object.values(freeSockets).flat()) socket?.destroy();
    }
  };

  const get: Transport['get'] = (url, headers, signal, retries) =>
    new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const outgoing =
        url.protocol === 'https:'
          ? requestTls(url, { agent: tls, headers, maxHeaderSize })
          : requestPlain(url, { agent: plain, headers, maxHeaderSize });
      // Not by the option `signal`, which makes 7 KB of garbage a request; this listener ends with its signal.
      const giveUp = (): void => void outgoing.destroy(signal.reason as Error);
      signal.addEventListener('abort', giveUp, { once: true });
      let answered = false;
      let failure: Error | undefined;
      outgoing.on('error', (error: NodeJS.ErrnoException) => {
        failure ??= withoutPacket(error);
        // The server may close an idle connection just when it is used again. Nothing was answered, and a GET
        // can be repeated (RFC 9112, section 9.3.1).
        const stale = !answered && outgoing.reusedSocket && error.code === 'ECONNRESET' && !signal.aborted;
        if (stale) closeIdle();
        if (stale && retries.take()) resolve(get(url, headers, signal, retries));
        else reject(failure);
      });
      outgoing.on('response', (incoming) => {
        answered = true;
        resolve({
          status: incoming.statusCode ?? 0,
          headers: incoming.headers,
          framing: framingOf(incoming),
          body: wholeBody(incoming, () => failure),
        });
      });
      outgoing.end();
    });
  return { get };
}

// The parser itself refuses both fields at once, and a length that is no number.
function framingOf({ statusCode = 0, headers }: IncomingMessage): Answer['framing'] {
  // They end with their header, whatever that says (RFC 9112, section 6.3).
  if (statusCode === 204 || statusCode === 304) return { kind: 'length', bytes: 0 };
  const length = headers['content-length'];
  if (length !== undefined) return { kind: 'length', bytes: Number(length) };
  return headers['transfer-encoding']?.toLowerCase() === 'chunked'
    ? { kind: 'chunked' }
    : { kind: 'until-close' };
}

async function* wholeBody(
  incoming: IncomingMessage,
  failure: () => Error | undefined,
): AsyncGenerator<Buffer, void> {
  try {
    for await (const chunk of incoming) yield chunk as Buffer;
  } catch (error) {
    throw failure() ?? new Error('its answer was cut', { cause: error });
  }
  // Bytes beyond the announced length fail the parser when the body is already complete.
  const surplus = failure();
  if (surplus !== undefined) throw surplus;
  if (!incoming.complete) throw new Error('its answer was cut');
}

/** A parser error carries the bytes it failed on. */
function withoutPacket(error: NodeJS.ErrnoException): Error {
  if (error.code === 'HPE_HEADER_OVERFLOW') {
    return new Error(`the header of its answer has more than ${maxHeaderSize} bytes`);
  }
  return 'rawPacket' in error ? new Error(`${error.code}: its answer is not valid HTTP`) : error;
}
