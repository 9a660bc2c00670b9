// The tier and the locks over a real Redis, through everything that stands before it.

import { afterAll, beforeAll, describe } from 'vitest';
import { startStack, type Stack } from '../../local/stack.ts';
import { locksContract, type LocksWorld } from '../contract/locks.ts';
import { tierChangesContract } from '../contract/tier-changes.ts';
import { tierContract } from '../contract/tier.ts';
import { openOnRedis } from '../support/redis-contract.ts';
import { adoptStack, startSharedClient, type SharedClient } from '../support/shared-client.ts';

interface Parts {
  stack?: Stack;
  client?: SharedClient;
}
const parts: Parts = {};

beforeAll(async () => {
  const stack = await startStack({ storage: false });
  parts.stack = stack;
  adoptStack(stack);
  parts.client = startSharedClient(stack);
  await parts.client.connected();
});
afterAll(async () => {
  await parts.client?.[Symbol.asyncDispose]();
  await parts.stack?.stop();
});

const open = async (): Promise<LocksWorld> => {
  const { stack, client } = parts;
  if (stack === undefined || client === undefined) throw new Error('The stack has not started.');
  return openOnRedis(client.redis, stack.redis);
};

describe('the tier over Redis', () => {
  tierContract(open);
  tierChangesContract(open);
});
describe('the locks over Redis', () => locksContract(open));
