import { InvocationContext, type Timer } from '@azure/functions';
import { describe, expect, it } from 'vitest';
import { registerReauthentication } from '../../../src/exports/reauthentication.ts';
import { AppError } from '../../../src/util/errors.ts';
import { callHandler, problemCode } from '../../support/call-handler.ts';
import { publicClient, type PublicClient } from '../../support/public-client.ts';
import { recordedFunctionsApp } from '../../support/recorded-functions-app.ts';

const away = async () => {
  throw new AppError('redis-unavailable', 'away');
};

/** A server that has nothing and takes everything. */
function emptyServer(): PublicClient & { readonly commands: readonly string[] } {
  const commands: string[] = [];
  const client = publicClient({
    eval: async (...[, options]: readonly { keys: string[]; arguments: string[] }[]) => {
      commands.push([...(options?.keys ?? []), ...(options?.arguments ?? [])].join(' '));
      return [];
    },
  });
  return { ...client, commands };
}

describe('registerReauthentication', () => {
  it('registers the timer, each minute, and nothing else', () => {
    const app = recordedFunctionsApp();
    registerReauthentication(app, { redis: emptyServer().redis });
    expect([...app.timerFunctions].map(([name, { schedule }]) => [name, schedule])).toEqual([
      ['reauthenticate', '0 * * * * *'],
    ]);
    expect(app.httpFunctions.size).toBe(0);
  });

  it('registers a route that shows the fleet, where one is named', async () => {
    const app = recordedFunctionsApp();
    const { redis } = publicClient({ eval: away, time: away, hVals: away, hGetAll: away, lRange: away });
    registerReauthentication(app, { redis, fleetRoute: 'ops/fleet', authLevel: 'admin' });
    const { handler, ...options } = app.httpFunctions.get('fleet') ?? {};
    expect(options).toEqual({ methods: ['GET', 'HEAD'], route: 'ops/fleet', authLevel: 'admin' });
    const answer = await callHandler(handler as Parameters<typeof callHandler>[0]);
    expect(problemCode(answer)).toBe('cache-unavailable');
  });

  it('enters the fleet once, and closes the client once, however often it is called', async () => {
    const { redis, recorded, ended, clock } = emptyServer();
    const first = recordedFunctionsApp();
    const second = recordedFunctionsApp();
    registerReauthentication(first, { redis });
    registerReauthentication(second, { redis });
    await clock.advance(0);
    expect([...recorded.channels.keys()]).toHaveLength(1);
    expect([first.hooks, second.hooks]).toEqual([1, 0]);
    await first.end();
    expect(recorded.channels.size).toBe(0);
    expect(ended).toEqual(['client']);
  });

  it('tells apps on one cache apart by the prefix of the cache', async () => {
    const { redis, parts, commands, clock } = emptyServer();
    registerReauthentication(recordedFunctionsApp(), { redis, site: 'shop', host: 'one' });
    // It may be made later.
    parts.caches.push({ keyPrefix: 'shop:', memory: undefined }, { keyPrefix: 'x:', memory: undefined });
    await clock.advance(0);
    expect(commands.at(-1)).toContain('shop {"site":"shop","namespace":"ref","keyPrefix":"shop:"}');
  });

  it('answers the timer where nobody can be called', async () => {
    const app = recordedFunctionsApp();
    const { redis } = publicClient({
      eval: away,
      time: away,
      hVals: away,
      hGetAll: away,
      lRange: away,
      publish: away,
    });
    registerReauthentication(app, { redis });
    const logs: string[] = [];
    const context = new InvocationContext({
      functionName: 'reauthenticate',
      logHandler: (level, ...parts) => void logs.push(`${level}: ${parts.join(' ')}`),
    });
    const { handler } = app.timerFunctions.get('reauthenticate') ?? {};
    await handler?.({} as Timer, context);
    expect(logs).toEqual([expect.stringMatching(/^warning: No roll call, because Redis cannot be asked/u)]);
  });

  it.each([
    ['nothing', undefined],
    ['a client of node-redis', {}],
  ])('refuses %s for a client, and names every other fault', (_name, redis) => {
    const options = { redis, schedule: '* * *', fleetRoute: '/fleet', authLevel: 'nobody', hots: 'x' };
    const registering = () => registerReauthentication(recordedFunctionsApp(), options as never);
    for (const name of ['redis', 'schedule', 'fleetRoute', 'authLevel', 'hots'])
      expect(registering).toThrow(name);
  });

  it('refuses what is no app', () => {
    const { redis } = emptyServer();
    expect(() => registerReauthentication({} as never, { redis })).toThrow('app` of @azure/functions');
  });
});
