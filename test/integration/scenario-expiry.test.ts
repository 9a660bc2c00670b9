// The identity endpoint in trouble beyond the token's life: an outage that is told as one and ends by itself.

import { describe, expect, it } from 'vitest';
import { allCaches } from '../support/caches.ts';
import { sleep } from '../support/eventually.ts';
import type { TokenServiceBehaviourName } from '../../local/token-desk.ts';
import { afterwardsMs, nextRotation, peakPerSecond, recoveryMs, runScenario } from '../support/scenario.ts';
import { lateMs } from '../support/timing.ts';

const pastExpiryMs = 3000;
const budgetMs = 2000;

describe.concurrent.each(allCaches)(
  'with $cache, while the identity endpoint, until three seconds past expiry,',
  ({ cluster, connections }) => {
    it.each<TokenServiceBehaviourName>(['hang', 'fail', 'expired'])('does: %s', async (behaviour) => {
      let expiredAtMs = 0;
      let returnedAtMs = 0;
      const seen = await runScenario(
        async ({ app, tokenExpiresAtMs }) => {
          await nextRotation(app);
          app.stack.identity.setBehaviour(behaviour);
          expiredAtMs = tokenExpiresAtMs();
          const untilMs = expiredAtMs + pastExpiryMs;
          await sleep(untilMs - Date.now() - 1500);
          const response = await app.fetch('/api/cache/steady-0');
          expect(response.status).toBe(503);
          expect(Number(response.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
          expect(response.headers.get('content-type')).toBe('application/problem+json');
          expect((await app.fetch('/api/health/ready')).status).toBe(503);
          await sleep(Math.max(untilMs - Date.now(), 0));
          app.stack.identity.setBehaviour('normal');
          returnedAtMs = Date.now();
          await sleep(recoveryMs + afterwardsMs);
        },
        { cluster, settings: { REQUEST_BUDGET_MS: `${budgetMs}` } },
      );
      // A read that began just before expiry may have waited for the token that did not come.
      const outside = seen.failed.filter(
        ({ atMs, tookMs }) => atMs + tookMs < expiredAtMs || atMs > returnedAtMs + recoveryMs + seen.heldUpMs,
      );
      expect(outside).toEqual([]);
      expect(new Set(seen.failed.map(({ status }) => status))).toEqual(new Set([503]));
      expect(Math.max(...seen.failed.map(({ tookMs }) => tookMs))).toBeLessThanOrEqual(
        budgetMs + lateMs + seen.heldUpMs,
      );
      expect(peakPerSecond(seen.app.stack.identity.calls.map(({ atMs }) => atMs))).toBeLessThanOrEqual(5);
      // Nothing that has expired was ever sent.
      expect(seen.rejectedAuths).toBe(0);
      expect(seen.auths).toBeLessThanOrEqual(seen.rotations * connections);
    });
  },
);
