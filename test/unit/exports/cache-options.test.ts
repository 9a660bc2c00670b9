// The options of createCache that say where entries come from.

import { describe, expect, it } from 'vitest';
import { createCache, type CacheOptions } from '../../../src/exports/cache.ts';
import { cachePartsOf } from '../../../src/exports/cache-parts.ts';
import { publicClient } from '../../support/public-client.ts';

const create = (options: Partial<CacheOptions>) => {
  const cache = createCache({ redis: publicClient().redis, ...options });
  return cachePartsOf('test', cache);
};
const urlTemplate = 'https://shop.example/{+key}';
const container = 'https://account.blob.core.windows.net/images';

describe('originRules', () => {
  it('choose among the origins: those that name the same one share it, and each is held off by itself', () => {
    const { origins } = create({
      origin: { urlTemplate, keepHeaders: ['X-A'] },
      originRules: [
        { prefix: 'images/', origin: container, ttlSeconds: 60, tags: ['images'] },
        { prefix: 'icons/', origin: container },
        { prefix: 'shop/', ttlSeconds: 5 },
        { prefix: 'same/', origin: urlTemplate },
      ],
    });
    const [images, icons, shop, same, usual] = ['images/a', 'icons/a', 'shop/a', 'same/a', 'a'].map((key) =>
      origins.choose(key),
    );
    expect(images?.terms).toEqual({ ttlSeconds: 60, staleSeconds: undefined, tags: ['images'] });
    expect(shop?.terms).toMatchObject({ ttlSeconds: 5 });
    expect(icons?.origin).toBe(images?.origin);
    expect(icons?.health).toBe(images?.health);
    expect([shop?.origin, same?.origin]).toEqual([usual?.origin, usual?.origin]);
    expect(images?.health).not.toBe(usual?.health);
    expect(origins.listed('').map(({ prefix }) => prefix)).toEqual(['icons/', 'images/']);
  });

  it('keep the header fields that those of `origin` keep', () => {
    const { settings } = create({
      origin: { urlTemplate, keepHeaders: ['X-A'] },
      originRules: [{ prefix: 'images/', origin: container }],
    });
    expect(settings.originRules[0]?.origin).toMatchObject({ keepHeaders: ['x-a'] });
  });

  it('are refused with all faults at once, each in its place', () => {
    const originRules = [
      { prefix: '/a' },
      { prefix: 'b', ttl: 1, origin: 'https://b.example' },
      'c',
    ] as never;
    const lines = (() => {
      try {
        create({ originRules, staleSeconds: -1 });
      } catch (error) {
        expect(error).toMatchObject({ code: 'options-invalid' });
        return (error as Error).message.split('\n');
      }
      return [];
    })();
    const places = lines.slice(1).map((line) => line.trim().split(':')[0]);
    const inRules = ['[0].prefix', '[1].origin', '[1]', '[2]'].map((at) => `originRules${at}`);
    expect(places).toEqual(['staleSeconds', ...inRules]);
    expect(() => create({ originRules: {} as never })).toThrow(
      'originRules: expected an array of at most 100',
    );
  });
});
