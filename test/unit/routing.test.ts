import { describe, expect, it } from 'vitest';
import { decodePath, Router } from '../../local/functions-host/routing.ts';

const http = (name: string, route: string, methods: string[]) => ({
  name,
  bindings: { httpTrigger: { type: 'httpTrigger', direction: 'in' as const, route, methods } },
});

describe('routes of the local host', () => {
  const router = new Router(
    [
      http('read', 'cache/{*key}', ['GET', 'HEAD']),
      http('write', 'cache/{*key}', ['PUT']),
      http('special', 'cache/special', ['GET']),
      http('item', 'items/{id}/parts/{part}', ['GET']),
      {
        name: 'tick',
        bindings: { timer: { type: 'timerTrigger', direction: 'in' as const, schedule: '* * * * * *' } },
      },
    ],
    'api',
  );

  it.each([
    ['GET', '/api/cache/a/b', 'read', { key: 'a/b' }],
    ['GET', '/api/cache/', 'read', { key: '' }],
    ['PUT', '/api/cache/a', 'write', { key: 'a' }],
    ['GET', '/api/cache/special', 'special', {}],
    ['GET', '/API/Items/7/parts/x', 'item', { id: '7', part: 'x' }],
  ])('%s %s is for %s', (method, path, functionName, params) => {
    expect(router.match(method, path)).toEqual({ functionName, params });
  });

  it.each([
    ['DELETE', '/api/cache/a'],
    ['GET', '/cache/a'],
    ['GET', '/api/items/7'],
    ['GET', '/api/tick'],
  ])('%s %s is for nobody', (method, path) => {
    expect(router.match(method, path)).toBeUndefined();
  });
});

describe('paths are decoded as Kestrel does', () => {
  it.each([
    ['/a%20b', '/a b'],
    ['/a%2Fb%2fc', '/a%2Fb%2fc'],
    ['/%C3%A4%2F%F0%9F%94%91', '/ä%2F🔑'],
    ['/100%25', '/100%'],
    ['/%zz', '/%zz'],
    ['/%ff', '/%ff'],
  ])('%s', (encoded, decoded) => {
    expect(decodePath(encoded)).toBe(decoded);
  });
});
