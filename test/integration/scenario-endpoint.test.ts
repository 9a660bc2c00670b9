// The identity endpoint in trouble that ends before the token does: not one read may notice.

import { describe, expect, it } from 'vitest';
import { allCaches } from '../support/caches.ts';
import { expectOneAuthEach, runScenario } from '../support/scenario.ts';

describe.concurrent.each(allCaches)(
  'with $cache, while the identity endpoint',
  ({ cluster, connections }) => {
    const options = { cluster };

    it('works: a rotation costs one AUTH a connection and at most two calls', async () => {
      const seen = await runScenario(({ rotations }) => rotations(4), { ...options, instances: 2 });
      expect(seen.troubled).toEqual([]);
      expect(seen.rotations).toBeGreaterThanOrEqual(2 * 4);
      expectOneAuthEach(seen, connections);
      expect(seen.endpointCalls).toBeLessThanOrEqual(2 * seen.rotations);
    });

    it('answers 500 until half a second before expiry, no read fails', async () => {
      const seen = await runScenario(async ({ misbehave, rotations }) => {
        misbehave('fail', 4500, 500);
        await rotations(3);
      }, options);
      expect(seen.troubled).toEqual([]);
      expect(seen.rotations).toBeGreaterThanOrEqual(3);
      expectOneAuthEach(seen, connections);
      expect(seen.output).toContain('tokenRenewalFailed');
    });

    it('repeats its token until half a second before expiry, it is asked sparingly and Redis not at all', async () => {
      const seen = await runScenario(async ({ misbehave, rotations }) => {
        misbehave('repeat', 4500, 500);
        await rotations(3);
      }, options);
      expect(seen.troubled).toEqual([]);
      expect(seen.rotations).toBeGreaterThanOrEqual(3);
      expectOneAuthEach(seen, connections);
      expect(seen.endpointCalls).toBeLessThanOrEqual(40 * seen.rotations);
      expect(seen.output).toContain('tokenNotAdvancing');
    });

    it('hangs for two seconds at the refresh point, no read fails', async () => {
      const seen = await runScenario(async ({ misbehave, rotations }) => {
        misbehave('hang', 3500, 1500);
        await rotations(3);
      }, options);
      expect(seen.troubled).toEqual([]);
      expect(seen.rotations).toBeGreaterThanOrEqual(3);
      expectOneAuthEach(seen, connections);
    });
  },
);
