// Requests to blob storage: with the identity's token, and one retry.

import type { Token } from '../../auth/token.ts';
import { delay, type Clock } from '../../util/clock.ts';
import { drain } from '../response-body.ts';
import { RetryBudget } from '../retry-budget.ts';
import type { Answer, Transport } from '../transport.ts';

export interface BlobService {
  readonly transport: Transport;
  readonly token: () => Promise<Token>;
  readonly clock: Clock;
  readonly userAgent: string;
  /** Scheme, host and port. */
  readonly where: string;
}

/** Any that knows tokens will do (2017-11-09): https://learn.microsoft.com/rest/api/storageservices/versioning-for-the-azure-storage-services */
const serviceVersion = '2025-05-05';
const retryDelayMs = 100;
const lostConnections = ['ECONNREFUSED', 'ECONNRESET', 'ENOTFOUND', 'EPIPE', 'ETIMEDOUT'];

/** Repeats the request once where storage was busy for a moment, or the connection was lost before an answer. */
export async function askStorage(
  { transport, token, clock, userAgent }: BlobService,
  url: URL,
  fields: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<Answer> {
  const retries = new RetryBudget();
  const once = async (): Promise<Answer> => {
    const headers = {
      Accept: '*/*',
      'User-Agent': userAgent,
      'x-ms-version': serviceVersion,
      Authorization: `Bearer ${(await token()).reveal()}`,
      ...fields,
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
  await delay(clock, retryDelayMs, signal);
  return once();
}
