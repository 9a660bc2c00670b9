// The Origin port over HTTP: one URL for each key. Made by parts.ts, used by cache/ and warmup/.
// Knows no Redis.

import type { Clock } from '../clock.ts';
import { attempt, originFailed } from './attempt.ts';
import { drain, readBody } from './body.ts';
import {
  readRetryAfter,
  renewedPermission,
  storagePermission,
  type FreshnessFields,
} from './cache-control.ts';
import type { LoadOptions, Origin, OriginAnswer } from './origin.ts';
import { placeIn } from './place.ts';
import { RetryBudget } from './retry-budget.ts';
import { createTransport, type Answer, type Transport } from './transport.ts';
import { conditionalHeader, readValidators } from './validators.ts';

export interface HttpOriginOptions {
  /** With `{key}` in its path or query. */
  readonly urlTemplate: string;
  readonly clock: Clock;
  /** For one load from the question to the last byte, redirects included. */
  readonly timeLimitMs: number;
  readonly userAgent?: string;
  readonly maxSockets?: number;
}

const maxRedirects = 3;

export function createHttpOrigin(options: HttpOriginOptions): Origin {
  const { urlTemplate, clock, timeLimitMs, userAgent = 'redis-entra-functions', maxSockets } = options;
  const place = placeIn(urlTemplate, 'encoded');
  const transport = createTransport(maxSockets === undefined ? {} : { maxSockets });
  return {
    async load(key, { signal, validator, maxBytes, admits }) {
      const href = place(key);
      if (href === undefined) return { kind: 'none' };
      const url = new URL(href);
      const condition = conditionalHeader(validator);
      const headers = {
        Accept: '*/*',
        'Accept-Encoding': 'identity',
        'User-Agent': userAgent,
        ...condition,
      };
      const asked = { conditional: Object.keys(condition).length > 0, maxBytes, admits };
      return attempt({ clock, timeLimitMs, signal, where: url.origin }, async (limit) => {
        const answer = await follow(transport, url, headers, { clock, signal: limit });
        return read(answer, url.origin, asked, clock);
      });
    },
  };
}

async function follow(
  transport: Transport,
  start: URL,
  headers: Readonly<Record<string, string>>,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<Answer> {
  const retries = new RetryBudget();
  let url = start;
  for (let redirects = 0; ; redirects += 1) {
    const answer = await transport.get(url, headers, signal, retries);
    if (![301, 302, 303, 307, 308].includes(answer.status)) return answer;
    if (redirects === maxRedirects) {
      throw originFailed(start.origin, `redirects more than ${maxRedirects} times`);
    }
    const next = URL.parse(answer.headers.location ?? '', url.href);
    if (answer.headers.location === undefined || next === null) {
      throw originFailed(start.origin, `answered ${answer.status} without saying where to go`);
    }
    // Another host was never named by whoever runs this app, and may be one that only this app can reach.
    if (next.origin !== start.origin || next.username !== '' || next.password !== '') {
      throw originFailed(start.origin, `answered ${answer.status}: it redirects off its host`);
    }
    await drain(answer.body, clock);
    url = next;
  }
}

async function read(
  answer: Answer,
  where: string,
  {
    conditional,
    maxBytes,
    admits,
  }: Pick<LoadOptions, 'maxBytes' | 'admits'> & { readonly conditional: boolean },
  clock: Clock,
): Promise<OriginAnswer> {
  const { status, headers, framing } = answer;
  const nowMs = clock.wallMs();
  if (status !== 200) {
    await drain(answer.body, clock);
    if (status === 304 && conditional) {
      return { kind: 'unchanged', storage: renewedPermission(fieldsOf(headers), nowMs) };
    }
    if (status === 404 || status === 410) return { kind: 'none' };
    const retryAfterSeconds = readRetryAfter(headers['retry-after'], nowMs);
    const options = retryAfterSeconds === undefined ? {} : { retryAfterSeconds };
    throw originFailed(where, `answered ${status}`, options);
  }
  const encoding = headers['content-encoding']?.trim().toLowerCase() ?? '';
  if (encoding !== '' && encoding !== 'identity') {
    throw originFailed(where, 'answered with a Content-Encoding, though it was asked for identity');
  }
  if (framing.kind === 'until-close') {
    throw originFailed(where, 'announced no length: a cut answer could not be told from a complete one');
  }
  const announcedBytes = framing.kind === 'length' ? framing.bytes : undefined;
  if (announcedBytes !== undefined && announcedBytes > maxBytes) {
    return { kind: 'too-large', bytes: announcedBytes };
  }
  if (admits?.(announcedBytes ?? maxBytes) === false) return { kind: 'not-admitted' };
  const body = await readBody(answer.body, maxBytes, announcedBytes);
  if (body === undefined) return { kind: 'too-large', bytes: undefined };
  const storage = storagePermission(fieldsOf(headers), nowMs);
  return {
    kind: 'found',
    body,
    contentType: headers['content-type'] ?? 'application/octet-stream',
    ...readValidators(headers.etag, headers['last-modified']),
    storage:
      announcedBytes === undefined && storage.kind === 'allowed'
        ? { kind: 'forbidden', reason: 'its length was not announced' }
        : storage,
  };
}

function fieldsOf(headers: Answer['headers']): FreshnessFields {
  const { age, expires, date, vary } = headers;
  return { cacheControl: headers['cache-control'], age, expires, date, vary };
}
