// The registry over real Redis, on two instances.

import { afterAll, beforeAll, describe, expect } from 'vitest';
import { systemAssigned } from '../../../local/token-issuer.ts';
import { RedisRegistry } from '../../../src/fleet/redis-registry.ts';
import { ownName } from '../../../src/redis/own-name.ts';
import { systemClock } from '../../../src/util/clock.ts';
import type { Fleets } from '../../support/fleets.ts';
import { startSharedClient, type SharedClient } from '../../support/shared-client.ts';
import { registryContract } from '../registry.ts';

export function registry(fleets: Fleets): void {
  describe('the registry', () => {
    const user = systemAssigned.objectId;
    let registries = 0;
    let clients: readonly SharedClient[] = [];
    beforeAll(() => {
      // MSAL would hand a token with more than 5 minutes left to every client of this process from now on.
      fleets.stack.identity.setTokenLifetimeMs(20_000);
      clients = [startSharedClient(fleets.stack), startSharedClient(fleets.stack)];
      // Keeps the connections for subscriptions open between tests.
      for (const { redis } of clients) redis.subscribe('any', () => {});
    });
    afterAll(async () => {
      for (const client of clients) await client[Symbol.asyncDispose]();
    });

    registryContract(async () => {
      const namespace = `registry${(registries += 1)}`;
      const name = (part: string): string => ownName(namespace, `{fleet}:${part}`);
      const [one, other] = clients.map(({ redis }) => new RedisRegistry(redis, namespace));
      return {
        registries: [one ?? expect.unreachable(), other ?? expect.unreachable()],
        nowMs: () => systemClock.nowMs(),
        publish: (channel, message) => fleets.stack.redis.admin('PUBLISH', name(channel), message),
        put: async ({ report, status, seenAtMs }) => {
          const field = `${status} ${seenAtMs} ${JSON.stringify(report)}`;
          await fleets.stack.redis.admin('HSET', name('roster'), report.id, field);
        },
        putMeasures: (id, form) => fleets.stack.redis.admin('HSET', name('measures'), id, form),
        putMinute: (field, text) => fleets.stack.redis.admin('HSET', name('minutes'), field, text),
        async refuse(what) {
          await fleets.onAll('ACL', 'SETUSER', user, '-eval', ...(what === 'writes' ? [] : ['-publish']));
          const accept = (): Promise<void> => fleets.onAll('ACL', 'SETUSER', user, '+@all');
          fleets.atEnd(accept);
          return accept;
        },
      };
    });
  });
}
