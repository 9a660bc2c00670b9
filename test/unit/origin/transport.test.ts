import { createServer, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { readBody } from '../../../src/origin/response-body.ts';
import { RetryBudget } from '../../../src/origin/retry-budget.ts';
import { createTransport, type Answer, type Transport } from '../../../src/origin/transport.ts';
import { onOperations } from '../../../src/telemetry/operations.ts';
import { heardOperations } from '../../support/heard-operations.ts';

let server: Server | undefined;
const sockets = new Set<Socket>();

afterEach(() => {
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  server?.close();
});

/** A server that answers each request with these bytes, or does as the function says. */
async function serve(answer: string | ((socket: Socket, count: number) => void)): Promise<URL> {
  let count = 0;
  server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('data', () => {
      count += 1;
      if (typeof answer === 'string') socket.end(answer);
      else answer(socket, count);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
}

const never = (): AbortSignal => new AbortController().signal;
const ask = (url: URL, transport: Transport = createTransport(), retries = new RetryBudget()) =>
  transport.get(url, { Accept: '*/*' }, never(), retries);
const bodyOf = async ({ body }: Answer): Promise<string | undefined> =>
  (await readBody(body, 1_000_000))?.toString();

const head = 'HTTP/1.1 200 OK\r\n';

describe('a complete answer', () => {
  it.each([
    [`${head}Content-Length: 5\r\n\r\nvalue`, 'length'],
    [`${head}Transfer-Encoding: chunked\r\n\r\n5\r\nvalue\r\n0\r\n\r\n`, 'chunked'],
    [`${head}Connection: close\r\n\r\nvalue`, 'until-close'],
  ])('says how its end is known: %j', async (bytes, kind) => {
    const answer = await ask(await serve(bytes));
    expect(answer).toMatchObject({ status: 200, framing: { kind } });
    expect(await bodyOf(answer)).toBe('value');
  });

  it.each([204, 304])('of status %i has no body', async (status) => {
    const answer = await ask(await serve(`HTTP/1.1 ${status} X\r\nContent-Length: 5\r\n\r\n`));
    expect(answer).toMatchObject({ status, framing: { kind: 'length', bytes: 0 } });
    expect(await bodyOf(answer)).toBe('');
  });
});

describe('an answer that is not what it announced', () => {
  it.each([
    [`${head}Content-Length: 9\r\n\r\nvalue`, /cut/u],
    [`${head}Content-Length: 5\r\n\r\nvalue!`, /not valid HTTP/u],
    [`${head}Transfer-Encoding: chunked\r\n\r\n5\r\nvalue\r\n`, /cut/u],
    [`${head}Transfer-Encoding: chunked\r\n\r\nvalue`, /not valid HTTP/u],
  ])('fails its body: %j', async (bytes, message) => {
    await expect(ask(await serve(bytes)).then(bodyOf)).rejects.toThrow(message);
  });

  it.each([
    ['220 origin.example ESMTP\r\n', /not valid HTTP/u],
    [`${head}X: ${'x'.repeat(70_000)}\r\n\r\n`, /more than 65536 bytes/u],
  ])('fails the request and shows no bytes of it', async (bytes, message) => {
    const failure: unknown = await ask(await serve(bytes)).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(Error);
    expect((failure as Error).message).toMatch(message);
    expect(failure).not.toHaveProperty('rawPacket');
  });
});

describe('an idle connection that the server closes when it is used again', () => {
  const ok = `${head}Content-Length: 2\r\n\r\nok`;
  const closeSecond = (socket: Socket, count: number): void => {
    if (count === 2) socket.resetAndDestroy();
    else socket.write(ok);
  };

  it('costs one retry', async () => {
    const url = await serve(closeSecond);
    const transport = createTransport();
    expect(await bodyOf(await ask(url, transport))).toBe('ok');
    const retries = new RetryBudget();
    expect(await bodyOf(await ask(url, transport, retries))).toBe('ok');
    expect(retries.take()).toBe(false);
  });

  it('fails where no retry is left', async () => {
    const url = await serve(closeSecond);
    const transport = createTransport();
    await bodyOf(await ask(url, transport));
    await expect(ask(url, transport, new RetryBudget(0))).rejects.toMatchObject({ code: 'ECONNRESET' });
  });
});

describe('a caller that gives up', () => {
  it('before the request asks nothing', async () => {
    let asked = 0;
    const url = await serve(() => (asked += 1));
    const gone = AbortSignal.abort(new Error('given up'));
    await expect(createTransport().get(url, {}, gone, new RetryBudget())).rejects.toThrow('given up');
    expect(asked).toBe(0);
  });

  it('before the answer, or in the middle of a body, closes the connection', async () => {
    const arrived = Promise.withResolvers<void>();
    const url = await serve((socket, count) => {
      if (count === 1) arrived.resolve();
      else socket.write(`${head}Content-Length: 9\r\n\r\nvalue`);
    });
    const transport = createTransport();
    const first = new AbortController();
    const asking = transport.get(url, {}, first.signal, new RetryBudget());
    await arrived.promise;
    first.abort(new Error('given up'));
    await expect(asking).rejects.toThrow('given up');

    const second = new AbortController();
    const answer = await transport.get(url, {}, second.signal, new RetryBudget());
    const reading = bodyOf(answer);
    second.abort(new Error('given up later'));
    await expect(reading).rejects.toThrow('given up later');
  });
});

it('more requests than there may be connections wait for each other', async () => {
  const url = await serve((socket) => socket.write(`${head}Content-Length: 2\r\n\r\nok`));
  const transport = createTransport({ maxSockets: 1 });
  const asking = Array.from({ length: 3 }, async () => bodyOf(await ask(url, transport)));
  expect(await Promise.all(asking)).toEqual(['ok', 'ok', 'ok']);
  expect(sockets.size).toBe(1);
});

describe('a request', () => {
  it('is an operation, to whose header fields a tracer may add', async () => {
    let received = '';
    const url = await serve((socket) => {
      socket.write(`${head}Content-Length: 2\r\n\r\nok`);
    });
    server?.on('connection', (socket) => socket.on('data', (bytes) => (received += bytes.toString())));
    const heard = heardOperations();
    const traceparent = `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`;
    onTestFinished(
      onOperations({
        begun: (own) => {
          if (own.type === 'originRequest') own.headers['traceparent'] = traceparent;
        },
        ended: () => {},
      }),
    );
    const fields = { Accept: '*/*' };
    const answer = await createTransport().get(url, fields, never(), new RetryBudget());
    expect(await bodyOf(answer)).toBe('ok');
    expect(received).toContain(`traceparent: ${traceparent}`);
    expect(fields).toEqual({ Accept: '*/*' });
    const { port } = url;
    expect(heard.one('originRequest')).toMatchObject({
      method: 'GET',
      host: '127.0.0.1',
      port: Number(port),
      status: 200,
    });
  });

  it('that fails ends with its error', async () => {
    const url = await serve('220 origin.example ESMTP\r\n');
    const heard = heardOperations();
    await expect(ask(url)).rejects.toThrow();
    expect(heard.one('originRequest')).toMatchObject({ error: expect.any(Error) as unknown });
  });
});
