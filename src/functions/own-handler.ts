// The wrapper for a handler of one's own: as that of the app's handlers, and the request is answered when its time is up.

import type { HttpHandler, HttpRequest, HttpResponseInit, InvocationContext } from '@azure/functions';
import { Problem } from '../http/problem.ts';
import { withDeadline } from '../util/deadline.ts';
import { httpHandler, type HandlerDeps } from './handler.ts';

/** What a handler is given beside the request. */
export interface HttpInvocation {
  /** Aborted when the answer is due: give it to whatever takes one. */
  readonly signal: AbortSignal;
  /** Milliseconds until then, 0 at least: give them to whatever takes a timeout. */
  readonly timeLeftMs: () => number;
  /** That of the host: its log, the id of the invocation. */
  readonly context: InvocationContext;
}

/** A handler of yours, as it is given to `httpHandler`. */
export type OwnHandle = (request: HttpRequest, invocation: HttpInvocation) => Promise<HttpResponseInit>;

/** What `handle` does after the deadline is its own affair: nobody waits for it, and its errors are nobody's. */
export function ownHandler(deps: HandlerDeps, handle: OwnHandle): HttpHandler {
  const { clock } = deps;
  return httpHandler(deps, async (request, { deadlineAtMs, context }) => {
    const over = new AbortController();
    const late = (): Problem => {
      const problem = notInTime();
      over.abort(problem);
      return problem;
    };
    const invocation = {
      signal: over.signal,
      timeLeftMs: () => Math.max(deadlineAtMs - clock.nowMs(), 0),
      context,
    };
    // In a promise of its own, so that what is thrown at once is dealt with as what is thrown later.
    const answering = (async () => handle(request, invocation))();
    return withDeadline(clock, deadlineAtMs, answering, late);
  });
}

function notInTime(): Problem {
  const detail = 'Whether what was asked for has been done is unknown.';
  return new Problem('deadline-exceeded', detail, { 'Retry-After': '1' });
}
