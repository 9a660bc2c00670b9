import type { HttpHandler } from '@azure/functions';
import { beforeAll, describe, expect, it } from 'vitest';
import { callersOver, entraCallers } from '../../../src/exports/callers.ts';
import { httpHandler } from '../../../src/exports/http-handler.ts';
import { registerCacheRoutes } from '../../../src/exports/cache-routes.ts';
import { registerReauthentication } from '../../../src/exports/reauthentication.ts';
import { startCache } from '../../../src/exports/start-cache.ts';
import { EntraCallers } from '../../../src/http/callers/entra-callers.ts';
import { AppError } from '../../../src/util/errors.ts';
import { systemClock } from '../../../src/util/clock.ts';
import { callHandler, problemCode, type Call } from '../../support/call-handler.ts';
import {
  audience,
  callerId,
  makeKey,
  publishedWith,
  ScriptedTenant,
  signToken,
  tenantId,
  type SigningKey,
} from '../../support/caller-tokens.ts';
import { cacheSettings, publicClient } from '../../support/public-client.ts';
import { recordedFunctionsApp } from '../../support/recorded-functions-app.ts';

let key: SigningKey;
beforeAll(async () => {
  key = await makeKey('one');
});

/** On the clock of the machine, which handlers of one's own have. */
function start(prefixes = {}) {
  const tenant = new ScriptedTenant(publishedWith(key));
  const entra = new EntraCallers(
    { tenant: tenantId, audiences: [audience], prefixes, easyAuth: false },
    { clock: systemClock, emit: () => {}, read: tenant.read },
  );
  const bearer = async (...roles: readonly string[]) => {
    const token = await signToken({ key, nowMs: Date.now(), claims: { roles } });
    return { authorization: `Bearer ${token}` };
  };
  return { callers: callersOver(entra), bearer, tenant };
}

const away = async () => {
  throw new AppError('redis-unavailable', 'away');
};

const answers = async (handler: HttpHandler | undefined, call: Call) => {
  const answer = await callHandler(handler as HttpHandler, call);
  return (answer.status ?? 0) < 400 ? `${answer.status}` : problemCode(answer);
};

describe('routes with callers', () => {
  it('ask for no key, and for a role each', async () => {
    const app = recordedFunctionsApp();
    const { callers, bearer } = start();
    const { redis } = publicClient({ eval: away, time: away, hVals: away, hGetAll: away, lRange: away });
    const cache = startCache(redis, { ...cacheSettings, writes: 'disabled' });
    registerCacheRoutes(app, { cache, callers });
    registerReauthentication(app, { redis, fleetRoute: 'fleet', callers });
    const levels = [...app.httpFunctions.values()].map(({ authLevel }) => authLevel);
    expect(new Set(levels)).toEqual(new Set(['anonymous']));
    const roles = { readCache: 'Read', writeCache: 'Write', removeCache: 'Write', readBatch: 'Read' };
    const roleOf = (name: string): string =>
      name === 'fleet' ? 'Fleet.Read' : `Cache.${roles[name as keyof typeof roles] ?? 'Purge'}`;
    const all = ['Cache.Read', 'Cache.Write', 'Cache.Purge', 'Fleet.Read'];
    expect(app.httpFunctions.size).toBe(6);
    for (const [name, { handler }] of app.httpFunctions) {
      const call = { method: 'POST', params: { key: 'a\n' } };
      const others = await bearer(...all.filter((role) => role !== roleOf(name)));
      expect(await answers(handler, call), name).toBe('unauthenticated');
      expect(await answers(handler, { ...call, headers: others }), name).toBe('forbidden');
      const own = await answers(handler, { ...call, headers: await bearer(roleOf(name)) });
      expect(['unauthenticated', 'forbidden']).not.toContain(own);
    }
  });

  it('ask for a key besides, where it is said', () => {
    const app = recordedFunctionsApp();
    const cache = startCache(publicClient().redis, cacheSettings);
    registerCacheRoutes(app, { cache, callers: start().callers, authLevel: 'function' });
    expect(app.httpFunctions.get('purge')?.authLevel).toBe('function');
  });

  it('stop reading keys when the app ends', async () => {
    const app = recordedFunctionsApp();
    const { callers, bearer, tenant } = start();
    registerCacheRoutes(app, { cache: startCache(publicClient().redis, cacheSettings), callers });
    await app.end();
    const call = { params: { key: 'a' }, headers: await bearer('Cache.Read') };
    expect(await answers(app.httpFunctions.get('readCache')?.handler, call)).toBe('authority-unavailable');
    expect(tenant.asked).toBe(0);
  });

  it('refuse what is no callers', () => {
    const registering = () =>
      registerReauthentication(recordedFunctionsApp(), { redis: publicClient().redis, callers: {} as never });
    expect(registering).toThrow('callers: expected what entraCallers() returned');
  });
});

describe('a handler of one’s own', () => {
  it('is told the caller, and is not reached without a role', async () => {
    const { callers, bearer } = start({ [callerId]: 'own/' });
    const handler = callers.authenticated(
      async (_request, _context, caller) => ({ body: JSON.stringify(caller) }),
      {
        roles: ['Orders.Read', 'Orders.All'],
      },
    );
    const { body } = await callHandler(handler, { headers: await bearer('Orders.All') });
    expect(JSON.parse(body ?? '')).toEqual({
      objectId: callerId,
      clientId: expect.any(String) as string,
      roles: ['Orders.All'],
      prefixes: ['own/'],
    });
    expect(await answers(handler, { headers: await bearer('Cache.Read') })).toBe('forbidden');
    expect(await answers(handler, {})).toBe('unauthenticated');
    const head = await callHandler(handler, { method: 'HEAD' });
    expect(head.headers['www-authenticate']).toContain('Bearer realm');
  });

  it('may be one that answers in time, and one that answers at once', async () => {
    const { callers, bearer } = start();
    const failing = httpHandler({}, async () => {
      throw new AppError('redis-unavailable', 'away');
    });
    const headers = await bearer();
    expect(await answers(callers.authenticated(failing, { roles: [] }), { headers })).toBe(
      'cache-unavailable',
    );
    const atOnce = callers.authenticated(() => ({ status: 204 }), { roles: [] });
    expect(await answers(atOnce, { headers })).toBe('204');
  });
});

describe('entraCallers', () => {
  it('names every option that is wrong, missing or unknown', () => {
    const options = {
      audience: ['a b'],
      authorityHost: 'https://login.example/path',
      prefixes: { 'Team.Shop': 1 },
      easyAuth: 'yes',
      ca: 'x',
      tenant: 'x',
    };
    const making = () => entraCallers(options as never);
    for (const name of ['tenantId', ...Object.keys(options), 'prefixes["Team.Shop"]'])
      expect(making).toThrow(name);
    expect(making).toThrow(/^entraCallers: 7 option/u);
    const { callers } = start();
    expect(() => callers.authenticated(1 as never, { roles: [] })).toThrow('a function');
    expect(() => callers.authenticated(() => ({}), { roles: ['a"b'] })).toThrow('roles');
    expect(() => callers.authenticated(() => ({}), {} as never)).toThrow('roles is missing');
  });

  it('asks the authority of the tenant at once, and can be closed while it waits', async () => {
    // Nobody listens there: what it is told of that is the test of the packaged app.
    using callers = entraCallers({ tenantId, audience, authorityHost: 'https://localhost:9' });
    const handler = callers.authenticated(() => ({}), { roles: [] });
    const headers = { authorization: `Bearer ${await signToken({ key, nowMs: Date.now() })}` };
    expect(await answers(handler, { headers })).toBe('authority-unavailable');
  });
});
