import { InvocationContext, type Timer } from '@azure/functions';
import { describe, expect, it } from 'vitest';
import { cachePartsOf } from '../../../src/exports/cache-parts.ts';
import { startCache } from '../../../src/exports/start-cache.ts';
import { registerWarmup } from '../../../src/exports/warmup.ts';
import { OriginHealth } from '../../../src/origin/origin-health.ts';
import { createOrigins } from '../../../src/origin/origins.ts';
import { AppError } from '../../../src/util/errors.ts';
import { cacheSettings, publicClient } from '../../support/public-client.ts';
import { recordedFunctionsApp, type RecordedFunctionsApp } from '../../support/recorded-functions-app.ts';

const load = async () => 1;
const never = new Promise<never>(() => {});

/** Runs the timer once; returns what it logged. */
async function run(app: RecordedFunctionsApp): Promise<readonly string[]> {
  const logs: string[] = [];
  const context = new InvocationContext({
    functionName: 'scheduledWarmup',
    logHandler: (level, ...parts) => void logs.push(`${level}: ${parts.join(' ')}`),
  });
  const { handler } = app.timerFunctions.get('scheduledWarmup') ?? {};
  await handler?.({} as Timer, context);
  return logs;
}

describe('registerWarmup', () => {
  it('registers the timer, every five minutes, and says where there is nothing to warm', async () => {
    const app = recordedFunctionsApp();
    const cache = startCache(publicClient().redis, cacheSettings);
    registerWarmup(app, { cache, warmSet: { keys: [] } });
    expect(app.timerFunctions.get('scheduledWarmup')?.schedule).toBe('0 */5 * * * *');
    expect(await run(app)).toEqual([expect.stringContaining('Nothing to warm')]);
  });

  it('warms the keys that it is given', async () => {
    const app = recordedFunctionsApp();
    const away = async () => {
      throw new AppError('redis-unavailable', 'away');
    };
    const { redis } = publicClient({ eval: away, evalSha: away, set: away });
    registerWarmup(app, {
      cache: startCache(redis, cacheSettings),
      warmSet: { keys: ['a', 'b'], load, ttlSeconds: 60 },
    });
    expect(await run(app)).toEqual([expect.stringMatching(/^warning: No warmup.*redis-unavailable/u)]);
  });

  it.each([
    ['keys', { keys: ['a'] }, undefined, 'has no origin for 1 of 1 keys: give it `load`'],
    ['one of the keys', { keys: ['a', 'b'] }, 'b', 'has no origin for 1 of 2 keys: give it `load`'],
    ['a prefix', { prefix: 'images/' }, '', 'no origin that lists what begins so: name the keys'],
  ])('refuses %s that nothing can be loaded for', (_name, warmSet, prefix, why) => {
    const cache = startCache(publicClient().redis, cacheSettings);
    const { emit, clock } = cachePartsOf('test', cache).redis;
    const origin = {
      origin: { kind: 'http', load: async () => never } as const,
      health: new OriginHealth(emit, clock),
    };
    const origins = createOrigins(undefined, prefix === undefined ? [] : [{ prefix, origin }]);
    Object.assign(cachePartsOf('test', cache), { origins });
    expect(() => registerWarmup(recordedFunctionsApp(), { cache, warmSet })).toThrow(why);
  });

  it.each([
    ['a load without a lifetime', { keys: ['a'], load }],
    ['a lifetime without a load', { keys: ['a'], ttlSeconds: 60 }],
    ['a prefix with a load', { prefix: '', load, ttlSeconds: 60 }],
    ['tags that no value can have', { keys: ['a'], load, ttlSeconds: 60, tags: ['a b'] }],
    ['tags without a load', { keys: ['a'], tags: ['a'] }],
    ['an option that there is not', { keys: ['a'], load, ttlSeconds: 60, ttl: 5 }],
  ])('refuses %s', (_name, warmSet) => {
    const cache = startCache(publicClient().redis, cacheSettings);
    const registering = () => registerWarmup(recordedFunctionsApp(), { cache, warmSet } as never);
    expect(registering).toThrow('warmSet: expected { keys');
  });

  it('refuses what is no cache, and names every other fault', () => {
    const options = { cache: 1, warmSet: { keys: 'a' }, schedule: 'daily', invocationLimitMs: 1, key: 'a' };
    const registering = () => registerWarmup(recordedFunctionsApp(), options as never);
    for (const name of Object.keys(options)) expect(registering).toThrow(name);
  });
});
