// The Origin port over HTTP: one URL for each key.

import type { Clock } from '../../util/clock.ts';
import { withOriginTimeout, originFailed, unusable } from '../origin-timeout.ts';
import { drain } from '../response-body.ts';
import { acceptedCodings } from '../content-codings.ts';
import type { Origin, OriginAnswer } from '../origin.ts';
import { urlTemplate as parseTemplate, withQuery } from '../../util/url-template.ts';
import {
  conditionalHeaders,
  fieldsOf,
  readResponse,
  taggingOfHeaders,
  type ReadOptions,
} from '../response.ts';
import { readRetryAfter } from '../retry-after.ts';
import { RetryBudget } from '../retry-budget.ts';
import { hasExplicitLifetime, storagePermission, type StoragePermission } from '../storage.ts';
import { taggedByAll, type Tagging } from '../tags.ts';
import { createTransport, type Answer, type Transport } from '../transport.ts';

export interface HttpOriginOptions {
  /** With `{key}` or `{+key}` in its path or query. */
  readonly urlTemplate: string;
  /** Names, in lower case, of header fields that belong to the content and are stored with it. */
  readonly keepHeaders?: readonly string[];
  /** Whether what follows a question mark in a key is the query to ask with. */
  readonly isQueryInKey?: boolean;
  readonly clock: Clock;
  /** For one load from the question to the last byte, redirects included. */
  readonly timeLimitMs: number;
  readonly userAgent?: string;
  readonly maxSockets?: number;
}

const maxRedirects = 3;

export function createHttpOrigin(options: HttpOriginOptions): Origin {
  const { urlTemplate, keepHeaders = [], clock, timeLimitMs, userAgent = 'redis-entra-functions' } = options;
  const { maxSockets, isQueryInKey = false } = options;
  const template = parseTemplate(urlTemplate);
  const urlOf = isQueryInKey ? withQuery(template) : template;
  const transport = createTransport(maxSockets === undefined ? {} : { maxSockets });
  return {
    kind: 'http',
    async load(key, { signal, validators, maxBytes, admits }) {
      const href = urlOf(key);
      if (href === undefined) return { kind: 'none', status: 404, fields: {} };
      const url = new URL(href);
      const condition = conditionalHeaders(validators);
      const headers = {
        Accept: '*/*',
        'Accept-Encoding': acceptedCodings,
        'User-Agent': userAgent,
        ...condition,
      };
      const isConditional = Object.keys(condition).length > 0;
      return withOriginTimeout({ clock, timeLimitMs, signal, where: url.origin }, async (limit) => {
        const chain = await follow(transport, url, headers, { clock, signal: limit });
        return read(chain, { where: url.origin, isConditional, maxBytes, admits, keepHeaders, clock });
      });
    },
  };
}

interface Chain {
  readonly answer: Answer;
  /** What each redirect on the way allows to store. */
  readonly redirects: readonly StoragePermission[];
  /** Of all answers: when one of the redirects is purged, so is what it led to. */
  readonly tagging: Tagging;
}

async function follow(
  transport: Transport,
  start: URL,
  headers: Readonly<Record<string, string>>,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<Chain> {
  const redirects: StoragePermission[] = [];
  const taggings: Tagging[] = [];
  const retries = new RetryBudget();
  for (let url = start; ;) {
    const answer = await transport.get(url, headers, signal, retries);
    const { location } = answer.headers;
    taggings.push(taggingOfHeaders(answer.headers));
    if (![301, 302, 303, 307, 308].includes(answer.status) || location === undefined)
      return { answer, redirects, tagging: taggedByAll(taggings) };
    if (redirects.length === maxRedirects) {
      throw unusable(start.origin, `redirects more than ${maxRedirects} times`);
    }
    const next = URL.parse(location, url.href);
    if (next === null) {
      throw unusable(start.origin, `answered ${answer.status} with a Location that is no URL`);
    }
    // Whoever runs this app did not name another host, and it may be one that only this app can reach.
    if (next.origin !== start.origin || next.username !== '' || next.password !== '') {
      throw unusable(start.origin, `answered ${answer.status}: it redirects off its host`);
    }
    redirects.push(storagePermission(fieldsOf(answer.headers, []), answer.status, clock.wallMs()));
    await drain(answer.body, clock);
    url = next;
  }
}

type Asked = Omit<ReadOptions, 'fields' | 'restrictions' | 'tagging'> & {
  readonly isConditional: boolean;
  readonly keepHeaders: readonly string[];
};

async function read(
  { answer, redirects, tagging }: Chain,
  { isConditional, keepHeaders, ...options }: Asked,
): Promise<OriginAnswer> {
  const { where, clock } = options;
  const { status } = answer;
  const fields = fieldsOf(answer.headers, keepHeaders);
  if (status === 304 && isConditional) {
    await drain(answer.body, clock);
    return { kind: 'unchanged', fields, ...tagging, restrictions: [...redirects, ...tagging.restrictions] };
  }
  if (status === 404 || status === 410) {
    await drain(answer.body, clock);
    return { kind: 'none', status, fields, ...(tagging.tags && { tags: tagging.tags }) };
  }
  if (isFailure(status) && !hasExplicitLifetime(fields, clock.wallMs())) {
    await drain(answer.body, clock);
    const retryAfterSeconds = readRetryAfter(fields['retry-after'], clock.wallMs());
    throw originFailed(
      where,
      `answered ${status}`,
      retryAfterSeconds === undefined ? {} : { retryAfterSeconds },
    );
  }
  return readResponse(answer, { ...options, fields, tagging, restrictions: redirects });
}

/**
 * Whether a status says that the origin could not answer, rather than something about this key: 5xx, what is no
 * answer to such a request (1xx, 206, 304), and what is wrong with the request as this app makes it (407, 408).
 */
function isFailure(status: number): boolean {
  return status < 200 || status >= 500 || [206, 304, 407, 408].includes(status);
}
