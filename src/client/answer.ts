// An answer, read to its end: its status, its fields, its body, and the app's own problem where it is one.

import { parseCacheStatus, type CacheStatus } from './cache-status.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Uint8Array;
  /** The body, where it is problem details with a code. */
  readonly problem: Problem | undefined;
  readonly isProblem: boolean;
  /** The app's; undefined where it is not there, or not shown to a page of another origin. */
  readonly cacheStatus: CacheStatus | undefined;
  /** Whether a browser shows only some of the fields. */
  readonly isCrossOrigin: boolean;
}

export interface Problem {
  readonly code: string;
  readonly text: string;
}

/** What came of a request. */
export type Exchange =
  | { readonly kind: 'answered'; readonly answer: Answer }
  | {
      readonly kind: 'failed';
      readonly code: 'network-failed' | 'deadline-exceeded' | 'token-unavailable';
      /** Whether the server may have got the request. */
      readonly maybeSent: boolean;
      readonly cause: unknown;
    };

export async function readAnswer(response: Response): Promise<Answer> {
  const { status, headers } = response;
  const body = new Uint8Array(await response.arrayBuffer());
  const isProblem = /^application\/problem\+json\b/iu.test(headers.get('content-type') ?? '');
  return {
    status,
    headers,
    body,
    problem: isProblem ? problemIn(body) : undefined,
    isProblem,
    cacheStatus: parseCacheStatus(headers.get('cache-status')),
    isCrossOrigin: response.type === 'cors',
  };
}

function problemIn(body: Uint8Array): Problem | undefined {
  const json = jsonIn(body);
  if (typeof json !== 'object' || json === null) return undefined;
  const { code, title, detail } = json as Readonly<Record<string, unknown>>;
  if (typeof code !== 'string') return undefined;
  return { code, text: [title, detail].filter((part) => typeof part === 'string').join(': ') };
}

/** Undefined for what is no JSON. */
export function jsonIn(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(body)) as unknown;
  } catch {
    return undefined;
  }
}

/** Seconds or a date (RFC 9110, section 10.2.3), as seconds from now; undefined for neither. */
export function retryAfterSecondsOf(headers: Headers, nowMs: number): number | undefined {
  const field = headers.get('retry-after')?.trim() ?? '';
  if (/^\d{1,9}$/u.test(field)) return Number(field);
  const atMs = Date.parse(field);
  return Number.isNaN(atMs) ? undefined : Math.max(Math.ceil((atMs - nowMs) / 1000), 0);
}
