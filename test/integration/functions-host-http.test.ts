// HTTP of the local Functions host where the recorded exchanges do not reach: limits, bodies that nobody reads,
// connections, and the admin API. Each case is what the real host (4.1037.0) was measured to do.

import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startHost, type Host } from '../../local/functions-host/host.ts';
import { eventually } from '../support/eventually.ts';
import { exchange, type RawResponse } from '../support/raw-http.ts';

let host: Host;

beforeAll(async () => {
  const appDirectory = join(import.meta.dirname, '../fixtures/functions-host');
  const settings = { SPAN: '00:05:00', ECHO_LOG: '/dev/null' };
  host = await startHost({ appDirectory, settings, timers: false });
});
afterAll(async () => host?.stop());

const send = async (lines: readonly string[], body = '', options = {}): Promise<RawResponse> =>
  exchange(host.port, `${lines.join('\r\n')}\r\n\r\n${body}`, options);
const get = async (target: string, ...fields: string[]): Promise<RawResponse> =>
  send([`GET ${target} HTTP/1.1`, 'Host: h', ...fields]);
const put = async (body: string, ...fields: string[]): Promise<RawResponse> =>
  send(['PUT /api/echo/b HTTP/1.1', 'Host: h', ...fields], body);

const statusOf = ({ status, closes }: RawResponse): string =>
  `${status.split(' ')[1]}${closes ? ' closes' : ''}`;

interface Echo {
  readonly url: string;
  readonly method: string;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}
const echoOf = ({ body }: RawResponse): Echo => JSON.parse(body) as Echo;

describe('request lines and heads', () => {
  it('keeps to the limits of the real host', async () => {
    expect(statusOf(await get('/api/empty', `X-A: ${'a'.repeat(20_000)}`))).toBe('200');
    expect(statusOf(await get('/api/empty', `X-A: ${'a'.repeat(33_000)}`))).toBe('431 closes');
    const fields = Array.from({ length: 100 }, (_, index) => `X-${index}: 1`);
    expect(statusOf(await get('/api/empty', ...fields))).toBe('431 closes');
    expect(statusOf(await get(`/api/echo/${'a'.repeat(9000)}`))).toBe('414 closes');
    expect(statusOf(await get(`/api/echo/${'a'.repeat(8000)}`))).toBe('200');
  });

  it('refuses what the real host refuses, and the connection ends', async () => {
    expect(statusOf(await get('/api/empty', 'Host: other'))).toBe('400 closes');
    expect(statusOf(await get('/api/echo/%00'))).toBe('400 closes');
    expect(statusOf(await send(['CONNECT h:80 HTTP/1.1', 'Host: h:80']))).toBe('400 closes');
    expect(statusOf(await send(['GET / HTTP/1.2', 'Host: h']))).toBe('505 closes');
    expect(statusOf(await send(['GET /api/empty HTTP/1.1']))).toBe('400 closes');
    expect((await send(['GET /api/empty HTTP/1.1'])).headers.slice(0, 2)).toEqual([
      ['Content-Length', '0'],
      ['Connection', 'close'],
    ]);
  });

  it('takes what the real host takes', async () => {
    expect(echoOf(await send(['get /api/echo/m HTTP/1.1', 'Host: h'])).method).toBe('GET');
    expect(statusOf(await send(['FOO /api/echo/m HTTP/1.1', 'Host: h']))).toBe('404');
    expect(echoOf(await get('http://h/api/echo/a?b=c')).url).toBe('http://h/api/echo/a?b=c');
    expect(statusOf(await get('/api/health/../empty/'))).toBe('200');
  });

  it('has a home page', async () => {
    const page = await get('/');
    expect(statusOf(page)).toBe('200');
    expect(page.body).toContain('up and running');
    expect(statusOf(await send(['HEAD / HTTP/1.1', 'Host: h']))).toBe('200');
    expect(statusOf(await send(['POST / HTTP/1.1', 'Host: h']))).toBe('404');
  });
});

describe('connections', () => {
  it('of HTTP/1.0 are kept only where they are asked to be, and the answer has a length', async () => {
    const keepAlive = 'Connection: keep-alive';
    expect(statusOf(await send(['GET /api/echo/a HTTP/1.0', keepAlive], '', { silenceMs: 10_000 }))).toBe(
      '200 closes',
    );
    expect(statusOf(await send(['GET /api/hello HTTP/1.0', keepAlive]))).toBe('200');
    expect(statusOf(await send(['GET /api/hello HTTP/1.0']))).toBe('200 closes');
  });

  it('are closed where the client asks for it, and answered when it has ended its side', async () => {
    expect(statusOf(await get('/api/hello', 'Connection: close'))).toBe('200 closes');
    const half = await send(['GET /api/hello HTTP/1.1', 'Host: h'], '', { halfClose: true });
    expect([half.status, half.body]).toEqual(['HTTP/1.1 200 OK', 'hello']);
    const large = await send(['GET /api/ret/big HTTP/1.1', 'Host: h'], '', { halfClose: true });
    expect(large.body).toHaveLength(3 * 1024 * 1024);
    expect((await get('/api/ret/big', 'Connection: close')).body).toHaveLength(3 * 1024 * 1024);
  });

  it('carry requests that come at once, one after the other, and ones that come byte by byte', async () => {
    const request = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: h\r\n\r\n`;
    const socket = connect(host.port, '127.0.0.1');
    let received = '';
    socket.setEncoding('latin1').on('data', (text: string) => (received += text));
    socket.write(request('/api/ret/slow') + request('/api/hello'));
    await eventually(() => expect(received).toMatch(/slow\r\n0\r\n\r\nHTTP\/1\.1 200 OK[^]*hello$/u));
    received = '';
    for (const byte of request('/api/hello')) {
      socket.write(byte);
      await new Promise(setImmediate);
    }
    await eventually(() => expect(received).toMatch(/hello$/u));
    socket.destroy();
  });
});

describe('bodies', () => {
  it('100 Continue comes when the body is read, and never where it is not', async () => {
    const read = await put('abc', 'Content-Length: 3', 'Expect: 100-continue');
    expect(read.interim).toEqual(['HTTP/1.1 100 Continue']);
    expect(echoOf(read).body).toBe('abc');
    const chunked = await put('3\r\nabc\r\n0\r\n\r\n', 'Transfer-Encoding: chunked', 'Expect: 100-continue');
    expect([chunked.interim, statusOf(chunked)]).toEqual([[], '200']);
    const nobody = ['PUT /api/nobody HTTP/1.1', 'Host: h', 'Content-Length: 3', 'Expect: 100-continue'];
    const absent = await send(nobody, 'abc');
    expect([absent.interim, statusOf(absent)]).toEqual([[], '404']);
  });

  it('another expectation is nobody’s business', async () => {
    expect(statusOf(await get('/api/empty', 'Expect: wonders'))).toBe('200');
  });

  it('one announced as larger than 100 MiB is 500 at once', async () => {
    const answer = await put('', `Content-Length: ${100 * 1024 * 1024 + 1}`);
    expect([statusOf(answer), answer.body]).toEqual(['500 closes', '']);
  });

  it('what comes in chunks is kept from the function, which is called before it is there', async () => {
    const answer = await put('', 'Transfer-Encoding: chunked');
    expect(echoOf(answer).body).toBe('');
    // What follows in the place of chunks is none.
    expect(answer.closes).toBe(true);
  });

  it('chunks count, not the length beside them, and codings before them change nothing', async () => {
    const body = '3\r\nabc\r\n0\r\nX-Trailer: 1\r\n\r\n';
    const both = await put(body, 'Content-Length: 3', 'Transfer-Encoding: chunked');
    expect(statusOf(both)).toBe('200');
    expect(echoOf(both).headers).not.toHaveProperty('content-length');
    const coded = await put(body, 'Transfer-Encoding: gzip, chunked');
    expect([statusOf(coded), echoOf(coded).body]).toEqual(['200', '']);
    expect(statusOf(await put(body, 'Transfer-Encoding: gzip'))).toBe('400 closes');
  });

  it('one that is cut short is a failed invocation, and the connection ends without a word', async () => {
    const lines = ['PUT /api/echo/b HTTP/1.1', 'Host: h', 'Content-Length: 9'];
    const answer = await send(lines, 'abc', { halfClose: true });
    expect([answer.status, answer.closes]).toEqual(['', true]);
    expect(host.logs().map(({ message }) => message)).toContainEqual(
      expect.stringMatching(/^Executed 'Functions\.echo' \(Failed\).*Unexpected end of request content/u),
    );
  });

  it('of many pieces arrive whole', async () => {
    const body = 'x'.repeat(5_000_000);
    expect(echoOf(await put(body, `Content-Length: ${body.length}`)).body).toBe('(5000000)');
  });
});

describe('the admin API', () => {
  const admin = async (path: string, body: string, type?: string): Promise<string> => {
    const fields = [
      `Content-Length: ${body.length}`,
      ...(type === undefined ? [] : [`Content-Type: ${type}`]),
    ];
    return statusOf(await send([`POST /admin/${path} HTTP/1.1`, 'Host: h', ...fields], body));
  };
  const json = 'application/json; charset=utf-8';

  it('runs a function, by its name in any case', async () => {
    for (const name of ['minute', 'MINUTE/', 'echo']) {
      expect(await admin(`functions/${name}`, '{"input":"x"}', json)).toBe('202');
    }
    await eventually(() => {
      const executed = host
        .logs()
        .filter(({ message }) => message.startsWith("Executed 'Functions.minute' (Succ"));
      expect(executed).toHaveLength(2);
    });
  });

  it('refuses another type, and what is no JSON', async () => {
    expect(await admin('functions/minute', '{"input":""}')).toBe('415');
    expect(await admin('functions/minute', '{"input":""}', 'text/plain')).toBe('415');
    expect(await admin('functions/minute', '', json)).toBe('400');
    expect(await admin('functions/minute', '{', json)).toBe('400');
    expect(await admin('functions/nobody', '{"input":""}', json)).toBe('404');
    expect(await admin('anything', '{"input":""}', json)).toBe('404');
  });

  it('runs one beside a run that is outstanding', async () => {
    const before = host.inFlight;
    for (let run = 0; run < 2; run += 1) await admin('functions/slowTimer', '{}', json);
    await eventually(() => expect(host.inFlight - before).toBe(2));
  });

  it('tells what there is', async () => {
    const body = async (path: string): Promise<unknown> => JSON.parse((await get(`/admin/${path}`)).body);
    expect(await body('functions')).toContainEqual(
      expect.objectContaining({ name: 'echo', language: 'node' }),
    );
    expect(await body('functions/Echo')).toMatchObject({ invoke_url_template: 'http://h/api/echo/{*rest}' });
    expect(await body('functions/echo/status')).toEqual({ isDisabled: false });
    expect(await body('host/status')).toMatchObject({ state: 'Running' });
    expect(await body('host/keys')).toEqual({ keys: [], links: [] });
    expect(statusOf(await get('/admin/host/ping'))).toBe('200');
    expect(statusOf(await get('/admin/host'))).toBe('404');
  });
});
