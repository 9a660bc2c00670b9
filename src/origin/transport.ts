// GET over node:http and node:https: a body that is cut, or has bytes beyond its announced length, is a failure.
// Not fetch: it takes no notice of surplus bytes, decompresses by itself, and makes 21 KiB of garbage a request
// where this makes 3 (Node.js 24.21, 2 KiB bodies; ADR 6).

import { Agent, request as requestPlain, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { Agent as TlsAgent, request as requestTls } from 'node:https';
import { operation, type Operation } from '../telemetry/operations.ts';
import type { RetryBudget } from './retry-budget.ts';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** How the end of the body is known. */
  readonly framing:
    | { readonly kind: 'length'; readonly bytes: number }
    | { readonly kind: 'chunked' }
    | { readonly kind: 'until-close' };
  /** To be read once. Fails if it was cut, or if there is more than was announced. */
  readonly body: AsyncIterable<Buffer>;
}

export interface Transport {
  /**
   * The connection is closed when `signal` aborts before the body has ended.
   * @param retries for a request on an idle connection that the server closes at that moment.
   */
  get(
    url: URL,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
    retries: RetryBudget,
  ): Promise<Answer>;
}

export interface TransportOptions {
  /** Connections to one host. Further requests wait for one. */
  readonly maxSockets?: number;
  /** PEM: whom to trust in place of whom Node.js trusts. */
  readonly ca?: string | undefined;
}

// As many as there can be loads at once: loads, renewals, loads that bypass Redis (cache/loader.ts), and the warmup.
const defaultMaxSockets = 144;

/** Of the header fields of an answer, in bytes; Node.js itself would take 16 KiB. */
const maxHeaderSize = 64 * 1024;

export function createTransport({ maxSockets = defaultMaxSockets, ca }: TransportOptions = {}): Transport {
  const agentOptions = { keepAlive: true, maxSockets, maxFreeSockets: maxSockets };
  const plain = new Agent(agentOptions);
  const tls = new TlsAgent(ca === undefined ? agentOptions : { ...agentOptions, ca });

  // Where one idle connection is dead others are, too, and a retry would use the next of them.
  const closeIdle = (): void => {
    for (const { freeSockets } of [plain, tls]) {
      for (const socket of Object.values(freeSockets).flat()) socket?.destroy();
    }
  };

  const ask = (
    url: URL,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
    retries: RetryBudget,
    own: Operation<'originRequest'> | undefined,
  ): Promise<Answer> =>
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
        // The server may close an idle connection at the moment it is used again. A GET can be repeated
        // (RFC 9112, section 9.3.1).
        const stale = !answered && outgoing.reusedSocket && error.code === 'ECONNRESET' && !signal.aborted;
        if (stale) closeIdle();
        if (stale && retries.take()) resolve(ask(url, headers, signal, retries, own));
        else reject(failure);
      });
      outgoing.on('response', (incoming) => {
        answered = true;
        const { statusCode: status = 0 } = incoming;
        if (own !== undefined) own.status = status;
        resolve({
          status,
          headers: incoming.headers,
          framing: framingOf(incoming),
          body: wholeBody(incoming, () => failure),
        });
      });
      outgoing.end();
    });
  return {
    get: (url, headers, signal, retries) =>
      operation(
        'originRequest',
        () => ({ method: 'GET', host: url.hostname, port: portOf(url), headers: { ...headers } }),
        (own) => ask(url, own?.headers ?? headers, signal, retries, own),
      ),
  };
}

function portOf({ port, protocol }: URL): number {
  return port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port);
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
