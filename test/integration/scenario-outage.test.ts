// Redis down and Redis silent, under rotations.

import { expect, describe, it } from 'vitest';
import { allCaches } from '../support/caches.ts';
import { afterwardsMs, hasLostKeys, recoveryMs, refill, runScenario } from '../support/scenario.ts';
import { sleep } from '../support/eventually.ts';
import { lateMs } from '../support/timing.ts';

const budgetMs = 2000;
const handshakeLimitMs = 5000;

describe.concurrent.each(allCaches)(
  'an outage of $cache is answered within the budget and ends by itself',
  ({ cluster }) => {
    const options = { cluster, settings: { REQUEST_BUDGET_MS: `${budgetMs}` } };

    it('when Redis is down for three seconds', async () => {
      let backAtMs = 0;
      let downAtMs = 0;
      let hasLost = false;
      const seen = await runScenario(async ({ app }) => {
        await sleep(2000);
        downAtMs = Date.now();
        await app.stack.redis.kill();
        await sleep(3000);
        // It kept nothing: nobody is let in before it has been filled again.
        app.stack.front.setBehaviour('refuse');
        await app.stack.redis.restart();
        await refill(app);
        app.stack.front.setBehaviour('normal');
        backAtMs = Date.now();
        await sleep(recoveryMs + afterwardsMs);
        // A replica that takes over late is empty.
        hasLost = await hasLostKeys(app);
      }, options);
      const failed = seen.failed.filter(({ status }) => !hasLost || status !== 404);
      const outside = failed.filter(
        ({ atMs, tookMs }) => atMs + tookMs < downAtMs || atMs > backAtMs + recoveryMs + seen.heldUpMs,
      );
      expect(outside).toEqual([]);
      expect(new Set(failed.map(({ status }) => status))).toEqual(new Set([503]));
      expect(Math.max(...seen.failed.map(({ tookMs }) => tookMs))).toBeLessThanOrEqual(
        budgetMs + lateMs + seen.heldUpMs,
      );
    });

    it('when Redis accepts and never answers', async () => {
      let fromMs = 0;
      let toMs = 0;
      const seen = await runScenario(async ({ app }) => {
        await sleep(2000);
        fromMs = Date.now();
        app.stack.front.setBehaviour('stall');
        await sleep(4000);
        app.stack.front.setBehaviour('normal');
        toMs = Date.now();
        await sleep(handshakeLimitMs + recoveryMs + afterwardsMs);
      }, options);
      // A handshake that was begun in silence may use up its own limit.
      const outside = seen.failed.filter(
        ({ atMs, tookMs }) =>
          atMs + tookMs < fromMs || atMs > toMs + handshakeLimitMs + recoveryMs + seen.heldUpMs,
      );
      expect(outside).toEqual([]);
      expect(new Set(seen.failed.map(({ status }) => status))).toEqual(new Set([503]));
      expect(Math.max(...seen.failed.map(({ tookMs }) => tookMs))).toBeLessThanOrEqual(
        budgetMs + lateMs + seen.heldUpMs,
      );
      expect(seen.output).toMatch(/connectionLost .*nothing was answered/u);
      expect(seen.app.stack.front.stats.connectionsAccepted).toBeGreaterThan(1);
    });
  },
);
