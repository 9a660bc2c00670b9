// Calls HTTP handlers as the worker does, on a fake clock.

import {
  HttpRequest,
  InvocationContext,
  type HttpHandler,
  type HttpRequestInit,
  type HttpResponse,
} from '@azure/functions';
import type { AppEvent } from '../../src/telemetry/events.ts';
import { ByteBudget } from '../../src/util/byte-budget.ts';
import { FakeClock } from './fake-clock.ts';

export const requestBudgetMs = 2000;

/** What every handler is given; a tenth of the budget of 2,000 ms is left to the host. */
export function handlerDeps(totalBytes = 2 ** 28) {
  const clock = new FakeClock();
  const deadlineAtMs = clock.nowMs() + 1800;
  const events: AppEvent[] = [];
  const emit = (event: AppEvent): void => void events.push(event);
  return { clock, emit, events, requestBudgetMs, budget: new ByteBudget(totalBytes), deadlineAtMs };
}

export interface Call extends Pick<HttpRequestInit, 'method' | 'headers' | 'params' | 'query'> {
  readonly body?: string | Uint8Array;
}

export interface Called {
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  readonly logs: readonly { readonly level: string; readonly message: string }[];
}

export function requestOf({ body, ...init }: Call): HttpRequest {
  const of =
    body === undefined ? {} : { body: typeof body === 'string' ? { string: body } : { bytes: body } };
  return new HttpRequest({ method: 'GET', url: 'http://localhost/api', ...init, ...of });
}

/** Calls the handler and reads its answer to the end. */
export async function callHandler(handler: HttpHandler, call: Call = {}): Promise<Called> {
  const logs: { level: string; message: string }[] = [];
  const context = new InvocationContext({
    functionName: 'test',
    logHandler: (level, ...parts) => void logs.push({ level, message: parts.join(' ') }),
  });
  const answer = await handler(requestOf(call), context);
  const { status, headers } = answer;
  const body = 'arrayBuffer' in answer ? await bytesOf(answer) : (answer.body as string | undefined);
  return {
    status,
    headers: Object.fromEntries(new Headers(headers as Record<string, string>)),
    body,
    logs,
  };
}

async function bytesOf(answer: HttpResponse): Promise<string> {
  return Buffer.from(await answer.arrayBuffer()).toString();
}

/** The code of a problem, once it has been seen to be one. */
export function problemCode({ status, headers, body }: Called): string {
  const { code, ...problem } = JSON.parse(body ?? '') as Record<string, unknown>;
  if (headers['content-type'] !== 'application/problem+json' || headers['cache-control'] !== 'no-store') {
    throw new Error(`This is not a problem: ${JSON.stringify(headers)}`);
  }
  if (problem['status'] !== status) throw new Error(`Status ${status} and its body differ: ${body}`);
  return String(code);
}
