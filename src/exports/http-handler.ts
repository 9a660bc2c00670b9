// httpHandler: the wrapper of the cache's own HTTP functions, for a handler of one's own.

import type { HttpHandler } from '@azure/functions';
import { ownHandler, type OwnHandle } from '../functions/own-handler.ts';
import { systemClock as clock } from '../util/clock.ts';
import { AppError } from '../util/errors.ts';
import { unlimited } from './handler-deps.ts';
import { checkOptions, wholeNumber } from './options.ts';

export type { HttpInvocation, OwnHandle } from '../functions/own-handler.ts';

/** Of a handler that answers in time. */
export interface HttpHandlerOptions {
  /** In which time a request is answered, 2000 ms where undefined; a tenth of it, at most 200 ms, is the host's. */
  readonly requestBudgetMs?: number | undefined;
}

const owner = 'httpHandler';

/**
 * A handler whose request is answered in time, whatever Redis does. An error of this package (`redis.run`,
 * `cache.getOrSet`) becomes `application/problem+json`: an outage is 503 with `Retry-After`, and never a miss. When the
 * time is up the answer is 503 `deadline-exceeded`, and `signal` is aborted. Any other error stays the host's 500.
 * `HEAD` gets the headers of the answer alone.
 *
 * @throws AppError `options-invalid` that names every option that is wrong.
 * @example
 * app.http('visits', {
 *   methods: ['POST'],
 *   handler: httpHandler({}, async (_request, { timeLeftMs }) => {
 *     const options = { key: 'visits', timeoutMs: timeLeftMs() };
 *     return { jsonBody: { visits: await redis.run((client) => client.incr('visits'), options) } };
 *   }),
 * });
 */
export function httpHandler(options: HttpHandlerOptions, handle: OwnHandle): HttpHandler {
  checkOptions(owner, options, { requestBudgetMs: wholeNumber(100, 230_000) });
  if (typeof handle !== 'function') throw new AppError('options-invalid', `${owner}: expected a function.`);
  const { requestBudgetMs = 2000 } = options;
  return ownHandler({ clock, requestBudgetMs, budget: unlimited }, handle);
}
