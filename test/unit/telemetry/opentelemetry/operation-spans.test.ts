import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { operation, type Operation } from '../../../../src/telemetry/operations.ts';
import { startTelemetry } from '../../../../src/telemetry/opentelemetry/telemetry.ts';
import { AppError } from '../../../../src/util/errors.ts';
import { TelemetryWorld } from '../../../support/telemetry-world.ts';

let world: TelemetryWorld;
let stop: () => void;
const start = (keys: 'none' | 'hashed' | 'plain' = 'none'): void => {
  stop = startTelemetry({ tracer: world.tracer, keys, commands: true, functionApp: 'my-app' });
};
beforeEach(() => (world = new TelemetryWorld()));
afterEach(async () => {
  stop();
  await world.close();
});

const host = {
  function: 'readCache',
  invocationId: '42',
  traceParent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  traceState: 'vendor=1',
  method: 'GET',
  route: 'cache/{*key}',
};
const turn = async (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('spans of operations', () => {
  it('are inside each other, in the trace of the host', async () => {
    start();
    await operation(
      'request',
      () => host,
      async (request) => {
        await turn();
        await operation(
          'cacheRead',
          () => ({ keys: 1 }),
          async (read) => {
            await turn();
            if (read !== undefined) read.result = 'redisHit';
          },
        );
        if (request !== undefined) request.status = 200;
      },
    );
    const [read, request] = [world.span('cache read'), world.span('readCache')];
    expect(request.parentSpanContext).toMatchObject({ spanId: 'b7ad6b7169203331', isRemote: true });
    expect(request.spanContext().traceId).toBe('0af7651916cd43dd8448eb211c80319c');
    expect(request.spanContext().traceState?.serialize()).toBe('vendor=1');
    expect(read.parentSpanContext?.spanId).toBe(request.spanContext().spanId);
    expect(request).toMatchObject({
      kind: SpanKind.INTERNAL,
      status: { code: SpanStatusCode.UNSET },
      attributes: {
        'faas.name': 'my-app/readCache',
        'faas.trigger': 'http',
        'faas.invocation.id': '42',
        'http.request.method': 'GET',
        'http.route': '/cache/{*key}',
        'http.response.status_code': 200,
      },
    });
    expect(read.attributes).toEqual({ 'cache.keys': 1, 'cache.result': 'redis_hit' });
  });

  it('begin a trace where the host traces nothing, and stay in one that is active', async () => {
    start();
    const untraced = { ...host, traceParent: undefined, traceState: undefined };
    operation(
      'request',
      () => untraced,
      () => {},
    );
    expect(world.span('readCache').parentSpanContext).toBeUndefined();
    world.inside(() =>
      operation(
        'warmup',
        () => ({ ...host, function: 'warm' }),
        () => {},
      ),
    );
    expect(world.span('warm').parentSpanContext?.spanId).toBe(world.span('outer').spanContext().spanId);
  });

  it('follow what the host has decided: what it does not sample is not recorded', () => {
    start();
    operation(
      'request',
      () => ({ ...host, traceParent: host.traceParent.replace(/01$/u, '00') }),
      () => {
        operation(
          'cacheRead',
          () => ({ keys: 1 }),
          () => {},
        );
      },
    );
    expect(world.spans).toEqual([]);
  });

  it.each([
    [new AppError('redis-unavailable', 'the key secret'), 'redis-unavailable'],
    [Object.assign(new Error('the key secret'), { code: 'ECONNRESET' }), 'ECONNRESET'],
    [new TypeError('the key secret'), 'TypeError'],
    ['the key secret', '_OTHER'],
  ])('say the class of an error and not its message: %s', async (thrown, type) => {
    start();
    const failing = operation(
      'originLoad',
      () => ({ source: 'http', why: 'load' }),
      async () => {
        await turn();
        // oxlint-disable-next-line typescript/only-throw-error -- whatever there is
        throw thrown;
      },
    );
    await expect(failing).rejects.toBe(thrown);
    const { status, attributes, events } = world.span('cache load');
    expect([status, attributes['error.type'], events]).toEqual([{ code: SpanStatusCode.ERROR }, type, []]);
    expect(JSON.stringify([attributes, status])).not.toContain('secret');
  });

  it('of a request are in error by 5xx alone', () => {
    start();
    for (const [status, problem] of [
      [404, 'not-found'],
      [503, 'redis-unavailable'],
      [500, undefined],
    ] as const) {
      operation(
        'request',
        () => ({ ...host, function: `f${status}` }),
        (own) => {
          Object.assign(own ?? {}, { status, ...(problem && { problem }) });
        },
      );
    }
    expect(world.span('f404').status.code).toBe(SpanStatusCode.UNSET);
    expect(world.span('f503').attributes['error.type']).toBe('redis-unavailable');
    expect(world.span('f500').attributes['error.type']).toBe('500');
  });

  it('link a read to the wait or load that another one had begun, here or on another instance', () => {
    start();
    let first: Operation<'lockWait'> | undefined;
    operation(
      'lockWait',
      () => ({}),
      (own) => (first = own),
    );
    operation(
      'cacheRead',
      () => ({ keys: 1 }),
      (read) => {
        if (read !== undefined && first !== undefined)
          Object.assign(read, { result: 'collapsed', loadedBy: first });
      },
    );
    const { traceId, spanId } = world.span('cache lock wait').spanContext();
    expect(first?.traceParent).toBe(`00-${traceId}-${spanId}-01`);
    expect(world.span('cache read').links.map(({ context }) => context.spanId)).toEqual([spanId]);
    world.inside(() =>
      operation(
        'lockWait',
        () => ({}),
        (wait) => Object.assign(wait ?? {}, { loadedBy: first?.traceParent }),
      ),
    );
    const waits = world.spans.filter(({ name }) => name === 'cache lock wait');
    expect(waits[1]?.links.map(({ context }) => context)).toMatchObject([
      { spanId, traceId, isRemote: true },
    ]);
  });

  it('of a batch count its keys by their results', () => {
    start();
    operation(
      'cacheRead',
      () => ({ keys: 3 }),
      (read) => Object.assign(read ?? {}, { results: { redisHit: 2, miss: 1, failed: 0 } }),
    );
    expect(world.span('cache read').attributes).toEqual({
      'cache.keys': 3,
      'cache.results.redis_hit': 2,
      'cache.results.miss': 1,
    });
  });

  it('of a request to the origin go with it as its traceparent', () => {
    start();
    const headers: Record<string, string> = { accept: '*/*' };
    const request = { method: 'GET', host: 'shop.example', port: 443, headers };
    operation(
      'originRequest',
      () => request,
      (own) => Object.assign(own ?? {}, { status: 404 }),
    );
    const span = world.span('GET');
    const { kind, status, attributes } = span;
    const { traceId, spanId } = span.spanContext();
    expect(headers).toEqual({ accept: '*/*', traceparent: `00-${traceId}-${spanId}-01` });
    expect([kind, status.code]).toEqual([SpanKind.CLIENT, SpanStatusCode.UNSET]);
    expect(attributes).toEqual({
      'http.request.method': 'GET',
      'http.response.status_code': 404,
      'server.address': 'shop.example',
      'server.port': 443,
    });
  });

  it.each([
    ['none', undefined],
    ['hashed', '2bb80d537b1da3e3'],
    ['plain', 'secret'],
  ] as const)('have keys as %s says', (mode, shown) => {
    start(mode);
    operation(
      'cacheRead',
      () => ({ keys: 1, key: () => 'secret' }),
      () => {},
    );
    const value = world.span('cache read').attributes['cache.key'];

    expect(value).toBe(shown);
  });

  it('end with the listener', () => {
    start();
    stop();
    operation(
      'cacheRead',
      () => ({ keys: 1 }),
      (own) => expect(own).toBeUndefined(),
    );
    expect(world.spans).toEqual([]);
  });
});
