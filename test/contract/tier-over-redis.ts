// The tier and the locks over real Redis servers, through everything that stands before them.

import { afterAll, beforeAll, describe } from 'vitest';
import type { AnyStack } from '../../local/stack.ts';
import { locksContract, type LocksWorld } from './locks.ts';
import { tierChangesContract } from './tier-changes.ts';
import { tierContract } from './tier.ts';
import type { CacheKind } from '../support/caches.ts';
import { openOnRedis, openOnRedisWithMemory } from '../support/redis-contract.ts';
import { adoptStack, startSharedClient, type SharedClient } from '../support/shared-client.ts';
import { startStack } from '../support/stack.ts';

export function tierOverRedis({ cluster }: CacheKind): void {
  const parts: { stack?: AnyStack; client?: SharedClient } = {};

  beforeAll(async () => {
    const stack = await startStack({ storage: false, cluster });
    parts.stack = stack;
    adoptStack(stack);
    parts.client = startSharedClient(stack);
    await parts.client.connected();
  });
  afterAll(async () => {
    await parts.client?.[Symbol.asyncDispose]();
    await parts.stack?.stop();
  });

  const open = async (of: typeof openOnRedis = openOnRedis): Promise<LocksWorld> => {
    const { stack, client } = parts;
    if (stack === undefined || client === undefined) throw new Error('The stack has not started.');
    return of(client.redis, stack.redis);
  };

  describe('the tier over Redis', () => {
    tierContract(open);
    tierChangesContract(open);
  });
  describe('the memory of a process before the tier over Redis', () => {
    tierContract(() => open(openOnRedisWithMemory));
    tierChangesContract(() => open(openOnRedisWithMemory));
  });
  describe('the locks over Redis', () => locksContract(open));
}
