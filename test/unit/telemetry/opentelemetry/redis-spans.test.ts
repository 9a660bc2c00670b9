import { tracingChannel } from 'node:diagnostics_channel';
import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { traceCommands } from '../../../../src/telemetry/opentelemetry/redis-spans.ts';
import { TelemetryWorld } from '../../../support/telemetry-world.ts';

let world: TelemetryWorld;
let stop: () => void;
beforeEach(() => {
  world = new TelemetryWorld();
  stop = traceCommands(world.tracer);
});
afterEach(async () => {
  stop();
  await world.close();
});

const where = { database: 0, serverAddress: 'cache.example', serverPort: 10_000, clientId: 'a' };
const get = { command: 'GET', args: ['GET', 'secret'], ...where };

/** As node-redis does: tracing.js. */
async function send(context: object, work: () => Promise<unknown>, name = 'command'): Promise<unknown> {
  return tracingChannel<unknown, object>(`node-redis:${name}`).tracePromise(work, {
    ...context,
  });
}

it('a command within a span is one of its own, without its arguments', async () => {
  await world.inside(async () => send(get, async () => 'value'));
  const { kind, attributes, parentSpanContext, status } = world.span('GET');
  expect(kind).toBe(SpanKind.CLIENT);
  expect(status.code).toBe(SpanStatusCode.UNSET);
  expect(parentSpanContext?.spanId).toBe(world.span('outer').spanContext().spanId);
  expect(attributes).toEqual({
    'db.system.name': 'redis',
    'db.operation.name': 'GET',
    'db.namespace': '0',
    'server.address': 'cache.example',
    'server.port': 10_000,
  });
});

it('one that a client sends on its own account is in no trace', async () => {
  await send({ ...get, command: 'AUTH' }, async () => 'OK');
  expect(world.spans).toEqual([]);
});

it('one that a timer sends when the span has ended that it was set in is in no trace', async () => {
  const sent = world.inside(
    () =>
      new Promise((resolve) => {
        setImmediate(() => resolve(send(get, async () => 'value')));
      }),
  );
  await sent;
  expect(world.spans.map(({ name }) => name)).toEqual(['outer']);
});

it.each([
  [new Error('WRONGTYPE Operation against secret'), 'WRONGTYPE', 'WRONGTYPE'],
  [new Error('Socket closed unexpectedly'), undefined, 'Error'],
])('one that fails says how, and not what: %s', async (error, status, type) => {
  const failing = world.inside(async () =>
    send(get, async () => {
      throw error;
    }),
  );
  await expect(failing).rejects.toBe(error);
  const span = world.span('GET');
  expect(span.status).toEqual({ code: SpanStatusCode.ERROR });
  expect([span.attributes['db.response.status_code'], span.attributes['error.type']]).toEqual([status, type]);
});

it('a batch is one span, with how many commands it has', async () => {
  const batch = { batchMode: 'PIPELINE', batchSize: 2, ...where };
  await world.inside(async () =>
    send(
      batch,
      async () =>
        Promise.all([send({ ...get, ...batch }, async () => 1), send({ ...get, ...batch }, async () => 2)]),
      'batch',
    ),
  );
  expect(world.spans.map(({ name }) => name)).toEqual(['outer', 'PIPELINE']);
  expect(world.span('PIPELINE').attributes).toMatchObject({
    'db.operation.name': 'PIPELINE',
    'db.operation.batch.size': 2,
  });
});
