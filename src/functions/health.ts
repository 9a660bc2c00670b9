// GET and HEAD /api/health/live and /api/health/ready. Registered by app.ts, open to anybody.

import type { HttpHandler, HttpRequest, HttpResponseInit } from '@azure/functions';
import type { TokenKeeper } from '../auth/token-keeper.ts';
import type { Clock } from '../clock.ts';
import { AppError } from '../errors.ts';
import { deadlineAtMs } from '../http/budget.ts';
import type { Redis } from '../redis/redis.ts';

export interface HealthDeps {
  readonly redis: Redis;
  readonly keeper: TokenKeeper;
  readonly clock: Clock;
  readonly requestBudgetMs: number;
}

const headers = { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' };

/** The process answers. */
export function live(): HttpHandler {
  return (request) => forMethod(request, answer(200, { status: 'live' }));
}

/** A command would succeed now: one was just tried. One try at a time serves everybody who asks. */
export function ready(deps: HealthDeps): HttpHandler {
  let trying: Promise<HttpResponseInit> | undefined;
  return async (request) => {
    trying ??= tryRedis(deps).finally(() => {
      trying = undefined;
    });
    return forMethod(request, await trying);
  };
}

async function tryRedis({ redis, keeper, clock, requestBudgetMs }: HealthDeps): Promise<HttpResponseInit> {
  try {
    const untilMs = deadlineAtMs(clock, requestBudgetMs);
    await redis.ping(untilMs);
    const token = keeper.current();
    if (token === undefined) return unready(undefined);
    const tokenExpiresInSeconds = Math.floor((token.expiresAtMs - clock.wallMs()) / 1000);
    return answer(200, { status: 'ready', tokenExpiresInSeconds });
  } catch (error) {
    // Why is in the log: this route is open to anybody.
    if (error instanceof AppError) return unready(error.retryAfterSeconds);
    throw error;
  }
}

function forMethod({ method }: HttpRequest, { body, ...head }: HttpResponseInit): HttpResponseInit {
  return method === 'HEAD' || body === undefined ? head : { ...head, body };
}

function unready(retryAfterSeconds: number | undefined): HttpResponseInit {
  const response = answer(503, { status: 'unavailable' });
  return { ...response, headers: { ...headers, 'Retry-After': `${retryAfterSeconds ?? 1}` } };
}

function answer(status: number, body: Readonly<Record<string, unknown>>): HttpResponseInit {
  return { status, headers, body: JSON.stringify(body) };
}
