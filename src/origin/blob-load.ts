// One blob of a container: asked for by its URL and read whole. Used by blob.ts only.
// Knows no Redis, no listing and no SDK: ADR 6 says why.

import { createHash } from 'node:crypto';
import type { Token } from '../auth/token.ts';
import { delay, type Clock } from '../clock.ts';
import { originFailed } from './attempt.ts';
import { blobFailure, errorCodeOf } from './blob-failures.ts';
import { drain, readBody } from './body.ts';
import { renewedPermission, storagePermission } from './cache-control.ts';
import type { LoadOptions, OriginAnswer } from './origin.ts';
import { RetryBudget } from './retry-budget.ts';
import type { Answer, Transport } from './transport.ts';
import { conditionalHeader, readValidators } from './validators.ts';

export interface BlobLoader {
  readonly transport: Transport;
  readonly token: () => Promise<Token>;
  readonly clock: Clock;
  readonly userAgent: string;
  /** Scheme, host and port of the container. */
  readonly where: string;
}

/** Any that knows tokens will do (2017-11-09): https://learn.microsoft.com/rest/api/storageservices/versioning-for-the-azure-storage-services */
const serviceVersion = '2025-05-05';
const retryDelayMs = 100;
const lostConnections = ['ECONNREFUSED', 'ECONNRESET', 'ENOTFOUND', 'EPIPE', 'ETIMEDOUT'];

export async function loadBlob(loader: BlobLoader, url: string, options: LoadOptions): Promise<OriginAnswer> {
  const { where, clock } = loader;
  const { validator, signal } = options;
  // Storage refuses weak tags, which may be left from another origin; it never gives one itself.
  const condition = validator?.startsWith('"') === true ? conditionalHeader(validator) : {};
  const answer = await ask(loader, new URL(url), condition, signal);
  const { status, headers } = answer;
  if (status === 200) return readBlob(answer, where, options, clock.wallMs());
  await drain(answer.body, clock);
  if (status === 304 && 'If-None-Match' in condition) {
    const cacheControl = headers['cache-control'];
    return { kind: 'unchanged', storage: renewedPermission({ cacheControl }, clock.wallMs()) };
  }
  // A 404 of something else, a proxy say, is not the container's word.
  if (status === 404 && errorCodeOf(headers) === 'BlobNotFound') return { kind: 'none' };
  throw blobFailure(answer, where, clock.wallMs());
}

/** Asks a second time, and no third, where storage was busy for a moment, or the connection lost before it answered. */
async function ask(
  { transport, token, clock, userAgent }: BlobLoader,
  url: URL,
  condition: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<Answer> {
  const retries = new RetryBudget();
  const once = async (): Promise<Answer> => {
    const headers = {
      Accept: '*/*',
      'User-Agent': userAgent,
      'x-ms-version': serviceVersion,
      Authorization: `Bearer ${(await token()).reveal()}`,
      ...condition,
    };
    return transport.get(url, headers, signal, retries);
  };
  try {
    const answer = await once();
    if (![500, 503].includes(answer.status) || !retries.take()) return answer;
    await drain(answer.body, clock);
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (!lostConnections.includes(code) || !retries.take()) throw error;
  }
  await delay(clock, retryDelayMs);
  return once();
}

async function readBlob(
  { headers, framing, body: chunks }: Answer,
  where: string,
  { maxBytes, admits }: LoadOptions,
  nowMs: number,
): Promise<OriginAnswer> {
  if (framing.kind !== 'length' || headers['content-range'] !== undefined) {
    throw originFailed(where, 'answered with something else than a whole blob');
  }
  const { bytes } = framing;
  if (bytes > maxBytes) return { kind: 'too-large', bytes };
  if (!['', 'identity'].includes(headers['content-encoding'] ?? '')) {
    throw originFailed(where, 'holds this blob with a Content-Encoding, which an entry cannot carry');
  }
  if (admits?.(bytes) === false) return { kind: 'not-admitted' };
  const body = await readBody(chunks, maxBytes, bytes);
  if (body === undefined) return { kind: 'too-large', bytes: undefined };
  const { 'content-md5': md5 } = headers;
  if (md5 !== undefined && createHash('md5').update(body).digest('base64') !== md5) {
    throw originFailed(where, 'sent other bytes than its Content-MD5 says');
  }
  return {
    kind: 'found',
    body,
    contentType: headers['content-type'] ?? 'application/octet-stream',
    ...readValidators(headers.etag, undefined),
    storage: storagePermission({ cacheControl: headers['cache-control'] }, nowMs),
  };
}
