import { describe, expect, it } from 'vitest';
import { Router } from '../../../local/functions-host/routing.ts';

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
    ['GET', '/api/cache/', 'read', {}],
    ['get', '/api/cache/a/', 'read', { key: 'a/' }],
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

describe('route templates', () => {
  const match = (route: string, path: string): Readonly<Record<string, string>> | undefined =>
    new Router([http('f', route, ['GET'])], '').match('GET', path)?.params;

  it.each([
    ['a/{id?}', '/a', {}],
    ['a/{id?}', '/a/', {}],
    ['a/{id=five}', '/a', { id: 'five' }],
    ['a/{id=five}', '/a/6', { id: '6' }],
    ['a/{id:int}', '/a/-7', { id: '-7' }],
    ['a/{id:int}', '/a/2147483648', undefined],
    ['a/{id:long}', '/a/2147483648', { id: '2147483648' }],
    ['a/{id:int:min(3)}', '/a/2', undefined],
    ['a/{id:length(2,3)}', '/a/xyz', { id: 'xyz' }],
    ['a/{id:guid?}', '/a', {}],
    ['a/{id:bool}', '/a/maybe', undefined],
    ['a/{id:regex(^\\d+$)}', '/a/12', { id: '12' }],
    ['a/x{id}y', '/a/x1y', { id: '1' }],
    ['a/x{id}y', '/a/xy', undefined],
    ['a/{name}.{type}', '/a/one.two.txt', { name: 'one.two', type: 'txt' }],
    ['a/{*rest}', '/a', {}],
    ['a/{*rest}', '/a/', {}],
    ['a/{*rest}', '/a/b//c/', { rest: 'b//c/' }],
    ['a/{*rest}', '/a//b', undefined],
    ['a/{*rest}', '/a//', undefined],
    ['a/{id}', '/a/', undefined],
    ['a/{id}', '/a/b/', { id: 'b' }],
    ['a/{id}', '/a/b//', undefined],
  ])('%s on %s', (route, path, params) => {
    expect(match(route, path)).toEqual(params);
  });

  it('the more literal template wins, then the constrained, then the one that was registered first', () => {
    const names = ['a/{*rest}', 'a/{id}', 'a/{id:int}', 'a/{other}', 'a/x{id}', 'a/xy'];
    const router = new Router(
      names.map((route) => http(route, route, ['GET'])),
      '',
    );
    const winners = ['/a/b/c', '/a/b', '/a/5', '/a/xz', '/a/xy'].map(
      (path) => router.match('GET', path)?.functionName,
    );
    expect(winners).toEqual(['a/{*rest}', 'a/{id}', 'a/{id:int}', 'a/x{id}', 'a/xy']);
  });

  it('refuses a constraint that it does not know', () => {
    expect(() => match('a/{id:prime}', '/a/7')).toThrow('Unknown route constraint "prime".');
  });
});
