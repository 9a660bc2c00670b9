// Apps that share a cache: warned of each other where their keys can meet.

import { describe, expect, it } from 'vitest';
import type { AppIdentity } from '../../../src/fleet/app-identity.ts';
import { Neighbours } from '../../../src/fleet/neighbours.ts';
import { ownName } from '../../../src/redis/own-name.ts';
import type { AppEvent, CacheShared } from '../../../src/telemetry/events.ts';
import { systemClock } from '../../../src/util/clock.ts';
import { eventually } from '../../support/eventually.ts';
import type { Fleets } from '../../support/fleets.ts';
import { startSharedClient } from '../../support/shared-client.ts';

export function sharedCaches(fleets: Fleets): void {
  describe('apps that share a cache', () => {
    const key = ownName('redis-entra-functions', 'apps');
    /** Starts an app, and what it is warned of. */
    async function startApp(app: AppIdentity): Promise<readonly CacheShared[]> {
      const client = startSharedClient(fleets.stack);
      const heard: CacheShared[] = [];
      const emit = (event: AppEvent): void => {
        if (event.type === 'cacheShared') heard.push(event);
      };
      const neighbours = new Neighbours({
        app: () => app,
        redis: client.redis,
        clock: systemClock,
        emit,
        random: () => 0,
      });
      fleets.atEnd(async () => client[Symbol.asyncDispose]());
      await eventually(async () => {
        const entered = String(await fleets.stack.redis.admin('HVALS', key));
        expect(entered).toContain(JSON.stringify(app));
      });
      neighbours.stop();
      return heard;
    }

    it('are warned of each other where their keys can meet, each other one once', async () => {
      fleets.atEnd(async () => fleets.stack.redis.admin('DEL', key));
      await fleets.stack.redis.admin('HSET', key, 'long gone', `1 {"namespace":"a","keyPrefix":""}`);
      await fleets.stack.redis.admin('HSET', key, 'odd', `${Date.now()} {`);
      const shop = { site: 'shop', namespace: 'shop', keyPrefix: '' };
      expect(await startApp(shop)).toEqual([]);
      expect(await startApp(shop)).toEqual([]);
      const news = await startApp({ site: 'news', namespace: 'news', keyPrefix: 'news:' });
      await eventually(() => expect(news).toMatchObject([{ app: 'shop' }]));
      expect(news[0]?.reason).toContain('CACHE_KEY_PREFIX is "news:" here and empty there');
      expect(await fleets.stack.redis.admin('HEXISTS', key, 'long gone')).toBe(0);
      expect(Number(await fleets.stack.redis.admin('PTTL', key))).toBeGreaterThan(0);
    });
  });
}
