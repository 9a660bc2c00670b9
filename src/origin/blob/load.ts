// One blob of a container: asked for by its URL and read whole. Used by blob.ts only.
// Knows no Redis, no listing and no SDK: ADR 6 says why.

import { createHash } from 'node:crypto';
import type { Token } from '../../auth/token.ts';
import { delay, type Clock } from '../../util/clock.ts';
import { unusable } from '../origin-timeout.ts';
import { blobFailure, errorCodeOf } from './failures.ts';
import { drain } from '../response-body.ts';
import type { LoadOptions, OriginAnswer } from '../origin.ts';
import { conditionalHeaders, fieldsOf, readResponse, type ReadOptions } from '../response.ts';
import { RetryBudget } from '../retry-budget.ts';
import type { Answer, Transport } from '../transport.ts';

export interface BlobLoader {
  readonly transport: Transport;
  readonly token: () => Promise<Token>;
  readonly clock: Clock;
  readonly userAgent: string;
  readonly keepHeaders: readonly string[];
  /** Scheme, host and port of the container. */
  readonly where: string;
}

/** Any that knows tokens will do (2017-11-09): https://learn.microsoft.com/rest/api/storageservices/versioning-for-the-azure-storage-services */
const serviceVersion = '2025-05-05';
const retryDelayMs = 100;
const lostConnections = ['ECONNREFUSED', 'ECONNRESET', 'ENOTFOUND', 'EPIPE', 'ETIMEDOUT'];

export async function loadBlob(loader: BlobLoader, url: string, options: LoadOptions): Promise<OriginAnswer> {
  const { where, clock, keepHeaders } = loader;
  const { validators, maxBytes, admits, signal } = options;
  // Storage refuses weak tags, which may be left from another origin; it never gives one itself.
  const { etag } = validators ?? {};
  const condition = etag?.startsWith('"') === true ? conditionalHeaders({ etag }) : {};
  const answer = await ask(loader, new URL(url), condition, signal);
  const { status, headers } = answer;
  const fields = fieldsOf(headers, keepHeaders);
  if (status === 200 && isDirectory(headers)) {
    await drain(answer.body, clock);
    return { kind: 'none', status: 404, fields: {} };
  }
  if (status === 200) return readBlob(answer, { where, maxBytes, admits, fields, restrictions: [], clock });
  await drain(answer.body, clock);
  if (status === 304 && 'If-None-Match' in condition) return { kind: 'unchanged', fields, restrictions: [] };
  // A 404 of something else, a proxy say, is not the container's word.
  if (status === 404 && errorCodeOf(headers) === 'BlobNotFound') {
    return { kind: 'none', status, fields: {} };
  }
  throw blobFailure(answer, where, clock.wallMs());
}

/** A hierarchical namespace keeps its directories as empty blobs that say so. */
function isDirectory(headers: Answer['headers']): boolean {
  return (
    headers['x-ms-meta-hdi_isfolder']?.toString().toLowerCase() === 'true' ||
    headers['x-ms-resource-type'] === 'directory'
  );
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

async function readBlob(answer: Answer, options: ReadOptions): Promise<OriginAnswer> {
  const { headers, framing } = answer;
  if (framing.kind !== 'length' || headers['content-range'] !== undefined) {
    throw unusable(options.where, 'answered with something else than a whole blob');
  }
  const response = await readResponse(answer, options);
  const { 'content-md5': md5 } = headers;
  if (md5 === undefined || response.kind !== 'answered') return response;
  if (createHash('md5').update(response.body).digest('base64') !== md5) {
    throw unusable(options.where, 'sent other bytes than its Content-MD5 says');
  }
  return response;
}
