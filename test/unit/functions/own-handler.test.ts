import { setImmediate } from 'node:timers/promises';
import { InvocationContext } from '@azure/functions';
import { describe, expect, it } from 'vitest';
import { httpHandler } from '../../../src/exports/http-handler.ts';
import type { Redis } from '../../../src/exports/redis.ts';
import { ownHandler, type HttpInvocation } from '../../../src/functions/own-handler.ts';
import { AppError } from '../../../src/util/errors.ts';
import { countVisit } from '../../fixtures/readme/count-visit.ts';
import { callHandler, handlerDeps, problemCode, requestOf } from '../../support/call-handler.ts';

describe('a handler of one’s own', () => {
  it('answers, and knows how long it has', async () => {
    const deps = handlerDeps();
    let leftMs: readonly number[] = [];
    const handler = ownHandler(deps, async (request, { timeLeftMs, context }) => {
      const before = timeLeftMs();
      await deps.clock.advance(1000);
      leftMs = [before, timeLeftMs()];
      return { body: `${request.method} ${context.functionName}` };
    });
    expect((await callHandler(handler)).body).toBe('GET test');
    expect(leftMs).toEqual([1800, 800]);
  });

  it('is answered for when its time is up, and told', async () => {
    const deps = handlerDeps();
    let invocation: HttpInvocation | undefined;
    const handler = ownHandler(deps, (_request, given) => {
      invocation = given;
      return new Promise(() => {});
    });
    const answering = callHandler(handler);
    await deps.clock.advance(1799);
    expect(invocation?.signal.aborted).toBe(false);
    await deps.clock.advance(1);
    const answer = await answering;
    expect(problemCode(answer)).toBe('deadline-exceeded');
    expect(answer).toMatchObject({ status: 503, headers: { 'retry-after': '1' } });
    expect(invocation?.signal.aborted).toBe(true);
    expect(invocation?.timeLeftMs()).toBe(0);
  });

  it('raises nothing when it fails after that', async () => {
    const deps = handlerDeps();
    const handler = ownHandler(deps, (_request, { signal }) => {
      const { promise, reject } = Promise.withResolvers<never>();
      signal.addEventListener('abort', () => void setImmediate().then(() => reject(new Error('late'))));
      return promise;
    });
    const answering = callHandler(handler);
    await deps.clock.advance(1800);
    expect((await answering).status).toBe(503);
    await setImmediate();
    await setImmediate();
  });

  it('answers an outage with 503 and a time to come back', async () => {
    const handler = ownHandler(handlerDeps(), () => {
      throw new AppError('redis-unavailable', 'No connection.', { retryAfterSeconds: 3 });
    });
    const answer = await callHandler(handler);
    expect(problemCode(answer)).toBe('cache-unavailable');
    expect(answer.headers['retry-after']).toBe('3');
  });

  it('leaves any other error to the host', async () => {
    const handler = ownHandler(handlerDeps(), async () => {
      throw new TypeError('a bug');
    });
    await expect(callHandler(handler)).rejects.toThrow('a bug');
  });
});

describe('httpHandler', () => {
  it('needs no options', async () => {
    const handler = httpHandler({}, async () => ({ status: 204 }));
    expect((await callHandler(handler)).status).toBe(204);
  });

  it('refuses wrong ones by name', () => {
    const handle = async () => ({});
    expect(() => httpHandler({ requestBudgetMs: 5 }, handle)).toThrow('requestBudgetMs: expected a whole');
    expect(() => httpHandler({}, undefined as never)).toThrow('expected a function');
  });
});

describe('the README’s own function', () => {
  it('answers, with the time of the request', async () => {
    let asked: unknown;
    const run = async (_work: unknown, options: unknown) => {
      asked = options;
      return 7;
    };
    const context = new InvocationContext();
    const answer = await countVisit({ run } as unknown as Redis)(requestOf({ method: 'POST' }), context);
    expect(answer).toEqual({ jsonBody: { visits: 7 } });
    expect(asked).toMatchObject({ key: 'visits', timeoutMs: expect.closeTo(1800, -3) });
  });
});
