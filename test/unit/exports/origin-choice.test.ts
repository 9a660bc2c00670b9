// Which origin a cache asks for a key, where its rules name several.

import { expect, it } from 'vitest';
import { createCache } from '../../../src/exports/cache.ts';
import { cachePartsOf } from '../../../src/exports/cache-parts.ts';
import { publicClient } from '../../support/public-client.ts';

const urlTemplate = 'https://shop.example/{+key}';
const container = 'https://account.blob.core.windows.net/images';

it('rules that name the same origin share it, and each origin is held off by itself', () => {
  const cache = createCache({
    redis: publicClient().redis,
    origin: { urlTemplate, keepHeaders: ['X-A'] },
    originRules: [
      { prefix: 'images/', origin: container, ttlSeconds: 60, tags: ['images'] },
      { prefix: 'icons/', origin: container },
      { prefix: 'shop/', ttlSeconds: 5 },
      { prefix: 'same/', origin: urlTemplate },
    ],
  });
  const { origins } = cachePartsOf('test', cache);
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
