// What a tracer hears of invocations, and what is counted of requests.

import { HttpRequest, InvocationContext, type HttpHandler, type Timer } from '@azure/functions';
import { describe, expect, it } from 'vitest';
import { authenticated } from '../../../src/functions/authenticated.ts';
import { httpHandler } from '../../../src/functions/handler.ts';
import { reauthenticate } from '../../../src/functions/reauthenticate.ts';
import { scheduledWarmup } from '../../../src/functions/scheduled-warmup.ts';
import { anybody, type Caller } from '../../../src/http/callers/caller.ts';
import { Problem } from '../../../src/http/problem.ts';
import { Measures } from '../../../src/telemetry/measures.ts';
import { AppError } from '../../../src/util/errors.ts';
import { callHandler, handlerDeps } from '../../support/call-handler.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { heardOperations } from '../../support/heard-operations.ts';

const traceParent = `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`;
const fromClient = { traceparent: traceParent, tracestate: 'from=client' };

async function invoke(
  handler: HttpHandler,
  traceContext?: { readonly traceParent: string; readonly traceState: string },
): Promise<void> {
  const context = new InvocationContext({
    functionName: 'readCache',
    invocationId: 'an-id',
    ...(traceContext === undefined ? {} : { traceContext }),
    options: {
      trigger: { name: 'request', type: 'httpTrigger', route: 'cache/{*key}' },
      return: undefined as never,
      extraInputs: [],
      extraOutputs: [],
    },
  });
  await handler(
    new HttpRequest({ method: 'GET', url: 'http://localhost/api', headers: fromClient }),
    context,
  );
}

const answering = (status: number): HttpHandler => httpHandler(handlerDeps(), async () => ({ status }));

describe('a request', () => {
  it('is an operation in the trace of the host', async () => {
    const heard = heardOperations();
    await invoke(answering(204), {
      traceParent: `00-${'3'.repeat(32)}-${'4'.repeat(16)}-00`,
      traceState: '',
    });
    expect(heard.one('request')).toMatchObject({
      function: 'readCache',
      invocationId: 'an-id',
      traceParent: `00-${'3'.repeat(32)}-${'4'.repeat(16)}-00`,
      traceState: undefined,
      method: 'GET',
      route: 'cache/{*key}',
      status: 204,
    });
    expect(heard.all[0]?.isEnded).toBe(true);
  });

  it.each([{ traceParent: '', traceState: '' }, undefined])(
    'is one in the trace of its client where the host has none: %j',
    async (traceContext) => {
      const heard = heardOperations();
      await invoke(answering(200), traceContext);
      expect(heard.one('request')).toMatchObject({ traceParent, traceState: 'from=client' });
    },
  );

  it('that is answered with a problem says which', async () => {
    const heard = heardOperations();
    await callHandler(
      httpHandler(handlerDeps(), async () => {
        throw new Problem('invalid-ttl', 'Too long.');
      }),
    );
    await callHandler(
      httpHandler(handlerDeps(), async () => {
        throw new AppError('redis-unavailable', 'No connection.');
      }),
    );
    const said = heard.all.map(({ operation }) => operation);
    expect(said).toMatchObject([
      { status: 400, problem: 'invalid-ttl' },
      { status: 503, problem: 'cache-unavailable' },
    ]);
    expect(said.map(({ error }) => error)).toEqual([undefined, undefined]);
  });

  it('is one, however many wrappers are around its handler', async () => {
    const heard = heardOperations();
    const inner = httpHandler(handlerDeps(), async () => {
      throw new Problem('invalid-ttl', 'Too long.');
    });
    const access = (): Caller => anybody;
    await invoke(authenticated({ ...handlerDeps(), access }, inner));
    expect(heard.one('request')).toMatchObject({ status: 400, problem: 'invalid-ttl' });
    expect(heard.all).toHaveLength(1);
  });

  it('that fails by a bug ends with its error', async () => {
    const heard = heardOperations();
    const bug = new TypeError('x is not a function');
    const handler = httpHandler(handlerDeps(), async () => Promise.reject(bug));
    await expect(callHandler(handler)).rejects.toBe(bug);
    expect(heard.one('request').error).toBe(bug);
  });

  it('is measured from its beginning to its answer, with the bytes of that', async () => {
    const deps = { ...handlerDeps(), measures: new Measures() };
    const handler = httpHandler(deps, async () => {
      await deps.clock.advance(30);
      return { status: 200, headers: {}, pieces: [Buffer.from('ab'), Buffer.from('c')] };
    });
    await callHandler(handler);
    await callHandler(handler, { method: 'HEAD' });
    const { latencies, events } = deps.measures;
    expect([latencies.request.count, latencies.request.sumMs, events.servedBytes]).toEqual([2, 60, 3]);
  });
});

describe('a timer', () => {
  const tick = async (handler: (timer: Timer, context: InvocationContext) => unknown): Promise<void> => {
    const context = new InvocationContext({ functionName: 'timer', invocationId: 'an-id', logHandler() {} });
    await handler({ isPastDue: false } as Timer, context);
  };
  const schedule = '0 * * * * *';

  it('that calls the roll says how many answered, or why there was none', async () => {
    const heard = heardOperations();
    const outcome = { expected: 3, answered: 2, failed: 0, silent: ['c'], atMs: 0, nextAtMs: null };
    const results = [async () => outcome, async () => Promise.reject(new AppError('stopped', 'Stopped.'))];
    for (const call of results) {
      const keeper = { renewIfDue: async () => ({ kind: 'not-due' }) as const };
      await tick(reauthenticate({ keeper, rollCall: { call } as never, clock: new FakeClock(), schedule }));
    }
    expect(heard.all.map(({ operation }) => operation)).toMatchObject([
      { type: 'rollCall', function: 'timer', invocationId: 'an-id', expected: 3, answered: 2, silent: 1 },
      { type: 'rollCall', error: { code: 'stopped' } },
    ]);
  });

  it('that warms the cache says how many entries it was about, and counts them', async () => {
    const heard = heardOperations();
    const measures = new Measures();
    const report = {
      listed: 9,
      current: 4,
      renewed: 1,
      loaded: 2,
      kept: 0,
      failed: { unusable: 1, other: 1 },
    };
    const warmup = { run: async () => ({ kind: 'ended', report }) } as never;
    const limits = { invocationLimitMs: 300_000, loadLimitMs: 30_000 };
    await tick(scheduledWarmup({ warmup, measures, clock: new FakeClock(), schedule, ...limits }));
    expect(heard.one('warmup')).toMatchObject({ function: 'timer', entries: 9, failed: 2 });
    expect([measures.events.warmed, measures.events.warmupsFailed]).toEqual([3, 2]);
  });
});
