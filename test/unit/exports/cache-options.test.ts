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
