// What the wrapper of every HTTP handler does.

import { setImmediate } from 'node:timers/promises';
import type { HttpHandler } from '@azure/functions';
import { describe, expect, it } from 'vitest';
import { httpHandler, type HandlerDeps } from '../../../src/functions/handler.ts';
import { Problem } from '../../../src/http/problem.ts';
import { AppError, type ErrorCode } from '../../../src/util/errors.ts';
import { callHandler, handlerDeps, problemCode } from '../../support/call-handler.ts';

const throwing = (error: unknown): HttpHandler =>
  httpHandler(handlerDeps(), async () => {
    throw error;
  });

describe('the deadline', () => {
  it.each([
    [500, 450],
    [2000, 1800],
    [10_000, 9800],
  ])('of a budget of %i ms is %i ms after the request came', async (requestBudgetMs, workMs) => {
    const deps = { ...handlerDeps(), requestBudgetMs };
    let deadline = 0;
    const handler = httpHandler(deps, async (_request, { deadlineAtMs }) => {
      deadline = deadlineAtMs;
      return {};
    });
    await deps.clock.advance(5000);
    await callHandler(handler);
    expect(deadline).toBe(deps.clock.nowMs() + workMs);
  });
});

describe('an error', () => {
  const outages: readonly (readonly [ErrorCode, number, string])[] = [
    ['redis-unavailable', 503, 'cache-unavailable'],
    ['redis-rejected-identity', 503, 'cache-unavailable'],
    ['token-unavailable', 503, 'cache-unavailable'],
    ['token-refused', 503, 'cache-unavailable'],
    ['connection-lost', 503, 'cache-unavailable'],
    ['deadline-exceeded', 503, 'cache-unavailable'],
    ['command-failed', 503, 'cache-unavailable'],
    ['stopped', 503, 'cache-unavailable'],
    ['settings-invalid', 503, 'cache-unavailable'],
    ['overloaded', 503, 'overloaded'],
    ['origin-failed', 502, 'origin-failed'],
  ];
  it.each(outages)('of the app, %s, is %i %s and says when to come back', async (code, status, expected) => {
    const answer = await callHandler(throwing(new AppError(code, 'What happened.')));
    expect(answer.status).toBe(status);
    expect(problemCode(answer)).toBe(expected);
    expect(answer.headers['retry-after']).toBe('1');
  });

  it('about the type of a key is 422', async () => {
    const answer = await callHandler(throwing(new AppError('wrong-type', 'The key holds a list.')));
    expect([answer.status, problemCode(answer)]).toEqual([422, 'wrong-type']);
    expect(answer.headers['retry-after']).toBeUndefined();
  });

  it('that Redis answered a command with is in the log, because no one else tells of it', async () => {
    const failed = await callHandler(throwing(new AppError('command-failed', 'ERR syntax error')));
    expect(failed.logs).toEqual([{ level: 'warning', message: 'ERR syntax error' }]);
    const unavailable = await callHandler(throwing(new AppError('redis-unavailable', 'No connection.')));
    expect(unavailable.logs).toEqual([]);
  });

  it('that is a problem is answered as that problem', async () => {
    const answer = await callHandler(throwing(new Problem('invalid-ttl', 'Too long.', { 'X-More': 'yes' })));
    expect(answer.status).toBe(400);
    expect(problemCode(answer)).toBe('invalid-ttl');
    expect(answer.headers['x-more']).toBe('yes');
    expect(JSON.parse(answer.body ?? '')).toMatchObject({ detail: 'Too long.' });
  });

  it('of any other kind is a bug: it goes to the host as it is, and holds no memory', async () => {
    const deps = handlerDeps();
    const handler = httpHandler(deps, async (_request, { charge }) => {
      charge.add(1000);
      throw new TypeError('x is not a function');
    });
    await expect(callHandler(handler)).rejects.toThrow(TypeError);
    expect(deps.budget.usedBytes).toBe(0);
  });
});

describe('the bytes of an answer', () => {
  const answering = (deps: HandlerDeps, ...pieces: Buffer[]): HttpHandler =>
    httpHandler(deps, async (_request, { charge }) => {
      charge.add(1000);
      return { status: 200, headers: { ETag: '"e"' }, pieces };
    });

  it('are counted until the worker has them', async () => {
    const deps = handlerDeps();
    const handler = answering(deps, Buffer.from('a'), Buffer.from('b'));
    const answer = await callHandler(handler);
    expect(answer).toMatchObject({ status: 200, headers: { etag: '"e"' }, body: 'ab' });
    expect(deps.budget.usedBytes).toBe(1000);
    await setImmediate();
    expect(deps.budget.usedBytes).toBe(0);
  });

  it('are the worker’s without a copy where they have their memory to themselves', async () => {
    const alone = Buffer.from(new ArrayBuffer(3));
    const part = Buffer.from('abcdef').subarray(2, 4);
    const read = async (...pieces: Buffer[]): Promise<ArrayBuffer> => {
      const handler = answering(handlerDeps(), ...pieces);
      const request = { method: 'GET' } as Parameters<HttpHandler>[0];
      const answer = await handler(request, {} as Parameters<HttpHandler>[1]);
      return 'arrayBuffer' in answer ? answer.arrayBuffer() : expect.unreachable();
    };
    expect(await read(alone)).toBe(alone.buffer);
    expect(Buffer.from(await read(part)).toString()).toBe('cd');
    expect((await read()).byteLength).toBe(0);
  });

  it('stay behind for HEAD, whose answer has the headers', async () => {
    const deps = handlerDeps();
    const head = await callHandler(answering(deps, Buffer.from('a')), { method: 'HEAD' });
    expect(head).toMatchObject({ status: 200, headers: { etag: '"e"' }, body: undefined });
    expect(deps.budget.usedBytes).toBe(0);
    const empty = httpHandler(deps, async () => ({ body: 'text' }));
    expect(await callHandler(empty, { method: 'HEAD' })).toMatchObject({ status: 200, body: undefined });
  });
});
