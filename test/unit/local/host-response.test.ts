// The bytes of a response of the local host, by the rules of Kestrel.

import { describe, expect, it } from 'vitest';
import { encodeResponse, type HttpResponse } from '../../../local/functions-host/http/response.ts';
import { responseFromRpc } from '../../../local/functions-host/rpc-http.ts';

const usual = { isHead: false, isHttp10: false, keepsAlive: true };

function encode(
  response: HttpResponse,
  traits: Partial<typeof usual> = {},
): { text: string; keeps: boolean } {
  const { pieces, keeps } = encodeResponse(response, { ...usual, ...traits });
  const text = Buffer.concat(pieces).toString('latin1');
  return { text: text.replace(/Date: .*\r\nServer: Kestrel\r\n/u, ''), keeps };
}

const body = Buffer.from('hello');

describe('the end of a body', () => {
  it.each<[string, HttpResponse, Partial<typeof usual>, string, boolean]>([
    [
      'chunks',
      { status: 200, body },
      {},
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
      true,
    ],
    ['nothing', { status: 200 }, {}, 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', true],
    [
      'HTTP/1.0',
      { status: 200, body },
      { isHttp10: true },
      'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello',
      false,
    ],
    ['HEAD', { status: 200, body }, { isHead: true }, 'HTTP/1.1 200 OK\r\n\r\n', true],
    ['204', { status: 204, body }, {}, 'HTTP/1.1 204 No Content\r\n\r\n', true],
    [
      'closing',
      { status: 400, closes: true },
      {},
      'HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n',
      false,
    ],
  ])('%s', (_name, response, traits, text, keeps) => {
    expect(encode(response, traits)).toEqual({ text, keeps });
  });

  const withLength = (length: number, more: Uint8Array = body): HttpResponse => ({
    status: 200,
    headers: [['content-length', `${length}`]],
    body: more,
  });

  it('a length of the app’s is kept, also where it is a lie', () => {
    expect(encode(withLength(5))).toEqual({
      text: 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello',
      keeps: true,
    });
    expect(encode(withLength(9))).toEqual({
      text: 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello',
      keeps: false,
    });
    expect(encode(withLength(5, Buffer.alloc(0)), { isHead: true }).text).toContain('Content-Length: 5');
  });

  it('more than was announced, or nothing of it, is 500', () => {
    const empty = 'HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n';
    expect(encode(withLength(3))).toEqual({ text: `${empty}Connection: close\r\n\r\n`, keeps: false });
    expect(encode(withLength(3, Buffer.alloc(0)))).toEqual({ text: `${empty}\r\n`, keeps: true });
  });

  it('a large body is not copied', () => {
    const { pieces } = encodeResponse({ status: 200, body: Buffer.alloc(100_000) }, usual);
    expect(pieces.map(({ length }) => length).slice(1)).toEqual([100_000, 7]);
  });
});

it('known fields are spelled and ordered as Kestrel does, others come last and as they are', () => {
  const headers = [
    ['x-a', '1'],
    ['etag', '"a"'],
    ['content-type', 'text/plain'],
    ['cache-control', 'no-store'],
  ] as const;
  expect(encode({ status: 304, headers }).text).toBe(
    'HTTP/1.1 304 Not Modified\r\nContent-Type: text/plain\r\nCache-Control: no-store\r\nETag: "a"\r\nx-a: 1\r\n\r\n',
  );
});

it('a value that is not ASCII is 500, with what came before it', () => {
  const headers = [
    ['content-length', '5'],
    ['content-type', 'a/b'],
    ['x-a', 'é'],
    ['x-b', '1'],
  ] as const;
  expect(encode({ status: 200, headers, body }).text).toBe(
    'HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nContent-Type: a/b\r\n\r\n',
  );
});

it('cookies of a result become Set-Cookie', () => {
  const value = <T>(one: T): { value: T } => ({ value: one });
  const cookies = [
    { name: 'a', value: 'ö b', sameSite: 'none' as const },
    {
      name: 'b',
      value: '2',
      expires: value({ seconds: 0 }),
      maxAge: value(60),
      domain: value('d.example'),
      path: value('/x'),
      secure: value(true),
      sameSite: 'explicitNone' as const,
      httpOnly: value(true),
    },
  ];
  expect(responseFromRpc({ http: { statusCode: '200', cookies } }).headers).toEqual([
    ['Set-Cookie', 'a=%C3%B6%20b; path=/'],
    [
      'Set-Cookie',
      'b=2; expires=Thu, 01 Jan 1970 00:00:00 GMT; max-age=60; domain=d.example; path=/x; secure; samesite=none; httponly',
    ],
  ]);
});
