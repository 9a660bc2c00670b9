// What the local host's HTTP server takes from the bytes of a request, and what it refuses.

import { describe, expect, it } from 'vitest';
import { decodePath, decodeQueryPart, encodePath } from '../../../local/functions-host/http/percent.ts';
import {
  findHeadEnd,
  parseHead,
  Refusal,
  type RequestHead,
} from '../../../local/functions-host/http/request-head.ts';
import { parseQuery, parseTarget } from '../../../local/functions-host/http/request-target.ts';

const head = (text: string): RequestHead => parseHead(Buffer.from(text, 'latin1'));
const withFields = (...fields: string[]): RequestHead =>
  head(['GET / HTTP/1.1', 'Host: h', ...fields].join('\r\n'));

function statusOf(action: () => unknown): number | undefined {
  try {
    action();
    return undefined;
  } catch (error) {
    if (error instanceof Refusal) return error.status;
    throw error;
  }
}

describe('paths', () => {
  it.each([
    ['/a%20b', '/a b'],
    ['/a%2Fb%2fc', '/a%2Fb%2fc'],
    ['/%C3%A4%2F%F0%9F%94%91', '/ä%2F🔑'],
    ['/100%25', '/100%'],
    ['/%zz', '/%zz'],
    ['/%ff', '/%ff'],
    ['/a%c3%28', '/a%c3('],
    ['/%F4%90%80%80', '/%F4%90%80%80'],
    ['/a%2%46b', '/a%2Fb'],
    ['/%EF%BB%BFa', '/\uFEFFa'],
  ])('%s is decoded as Kestrel does', (encoded, decoded) => {
    expect(decodePath(encoded)).toBe(decoded);
  });

  it.each([
    ['/a/./b', '/a/b'],
    ['/a/%2e%2E/b', '/b'],
    ['/a/..', '/'],
    ['/a/.', '/a/'],
    ['/../../a', '/a'],
    ['/a%2F..%2Fb', '/a%2F..%2Fb'],
    ['/.a/..b/...', '/.a/..b/...'],
  ])('%s loses its dot segments', (target, path) => {
    expect(parseTarget('GET', target)?.path).toBe(path);
  });

  it.each(['/a%00', '/\xe9', 'a', '*', 'ftp://h/a', ''])('%j is no target', (target) => {
    expect(parseTarget('GET', target)).toBeUndefined();
  });

  it('in absolute form', () => {
    expect(parseTarget('GET', 'http://h:1/a%20b?c=/d')).toEqual({
      path: '/a b',
      query: 'c=/d',
      authority: 'h:1',
    });
    expect(parseTarget('GET', 'http://h')).toEqual({ path: '/', query: '', authority: 'h' });
    expect(parseTarget('CONNECT', 'h:1')).toBeUndefined();
  });

  it('are written into the URL so that they mean the same', () => {
    for (const path of ['/a b', '/ä#?', '/a%2Fb', '/100%', '/[x]|^`{}"<>\\']) {
      expect(decodePath(encodePath(path))).toBe(path);
    }
  });
});

describe('queries', () => {
  it.each([
    ['a=1&a=2', { a: '1,2' }],
    ['TTL=abc&ttl=60', { ttl: 'abc,60' }],
    ['a=%ff&b=%2F%00+c', { a: '%ff', b: '/\0 c' }],
    ['?', { '?': '' }],
    ['=b&&a', { '': 'b', a: '' }],
    ['', {}],
  ])('%s', (query, parameters) => {
    expect(parseQuery(query)).toEqual(parameters);
  });

  it('keep what is no escape', () => {
    expect(decodeQueryPart('100%&%zz')).toBe('100%&%zz');
  });
});

describe('header fields', () => {
  it('that come more than once are joined without a space', () => {
    const { headers } = withFields(
      'X-A: 1',
      'x-a:  2 ',
      'Content-Type: a',
      'Content-Type: b',
      'Cookie: c',
      'Cookie: d',
    );
    expect(Object.fromEntries(headers)).toEqual({
      host: 'h',
      'x-a': '1,2',
      'content-type': 'a,b',
      cookie: 'c,d',
    });
  });

  it('are UTF-8', () => {
    expect(withFields('X-A: \xc3\xa9').headers.get('x-a')).toBe('é');
    expect(statusOf(() => withFields('X-A: \xe9'))).toBe(400);
  });

  it.each([
    [['Host: other']],
    [['No colon']],
    [[' X-A: folded']],
    [['X A: 1']],
    [['X-A : 1']],
    [[': 1']],
    [['X-A: a\0b']],
    [['X-A: a\rb']],
    [['Content-Length: 1', 'Content-Length: 1']],
    [['Content-Length: -1']],
    [['Content-Length: 1,1']],
    [['Transfer-Encoding: chunked, gzip']],
  ])('%j is 400', (fields) => {
    expect(statusOf(() => withFields(...fields))).toBe(400);
  });

  it('are 100 at most', () => {
    const fields = Array.from({ length: 99 }, (_, index) => `X-${index}: 1`);
    expect(statusOf(() => withFields(...fields))).toBeUndefined();
    expect(statusOf(() => withFields(...fields, 'X-99: 1'))).toBe(431);
  });

  it('a Host is needed, but not for HTTP/1.0, and is that of the target', () => {
    expect(statusOf(() => head('GET / HTTP/1.1'))).toBe(400);
    expect(statusOf(() => head('GET / HTTP/1.0'))).toBeUndefined();
    expect(statusOf(() => head('GET / HTTP/1.1\r\nHost: a b'))).toBe(400);
    expect(statusOf(() => head('GET http://x/ HTTP/1.1\r\nHost: y'))).toBe(400);
    expect(statusOf(() => head('GET http://x/ HTTP/1.1\r\nHost: X:80'))).toBeUndefined();
  });
});

describe('request lines', () => {
  it.each([
    ['GET / HTTP/1.2', 505],
    ['GET / HTTP/2.0', 505],
    ['GET / HTTP/1.10', 400],
    ['GET /', 400],
    ['GET  / HTTP/1.1', 400],
    ['G(T / HTTP/1.1', 400],
    ['GET /a b HTTP/1.1', 400],
    ['CONNECT h:1 HTTP/1.1', 400],
    ['', 400],
  ])('%j is refused with %i', (line, status) => {
    expect(statusOf(() => head(`${line}\r\nHost: h`))).toBe(status);
  });

  it('may have any method', () => {
    for (const method of ['get', 'FOO', 'M-SEARCH']) {
      expect(head(`${method} / HTTP/1.1\r\nHost: h`).method).toBe(method);
    }
  });
});

describe('bodies', () => {
  it('chunks count before a length, which is kept under another name', () => {
    const { bodyLength, headers } = withFields('Content-Length: 3', 'Transfer-Encoding: gzip, Chunked');
    expect(bodyLength).toBe('chunked');
    expect(headers.get('x-content-length')).toBe('3');
    expect(headers.has('content-length')).toBe(false);
  });

  it('of a POST in HTTP/1.0 need a length', () => {
    expect(statusOf(() => head('POST / HTTP/1.0'))).toBe(400);
    expect(head('POST / HTTP/1.0\r\nContent-Length: 3').bodyLength).toBe(3);
  });
});

describe('the end of a head', () => {
  const end = (text: string): number => findHeadEnd(Buffer.from(text, 'latin1'));
  const line = (bytes: number): string =>
    `GET /${'a'.repeat(bytes - 'GET / HTTP/1.1\r\n'.length)} HTTP/1.1\r\n`;

  it('is where an empty line is', () => {
    expect(end('GET / HTTP/1.1\r\nHost: h\r\n\r\nrest')).toBe(23);
    expect(end('GET / HTTP/1.1\r\nHost: h\r\n')).toBe(-1);
  });

  it('may be far, but not too far', () => {
    const field = (bytes: number): string => `X-A: ${'a'.repeat(bytes - 'X-A: \r\n\r\n'.length)}\r\n\r\n`;
    expect(end(line(8192) + field(32_768))).toBe(8192 + 32_768 - 4);
    expect(statusOf(() => end(line(8192) + field(32_769)))).toBe(431);
    expect(statusOf(() => end(line(8192) + field(32_773).slice(0, -4)))).toBe(431);
    expect(statusOf(() => end(line(8193)))).toBe(414);
    expect(statusOf(() => end(line(8300).slice(0, 8193)))).toBe(414);
  });

  it('never comes after a bare LF', () => {
    expect(statusOf(() => end('GET / HTTP/1.1\nHost: h\n\n'))).toBe(400);
    expect(statusOf(() => end('GET / HTTP/1.1\r\nHost: h\n'))).toBe(400);
  });
});
