import { expect, it } from 'vitest';
import { rejectedIdentity } from '../../../src/redis/rejected-identity.ts';

const oid = '11111111-2222-3333-4444-555555555555';

it('who is rejected is told by the object id of the token, and what is missing', () => {
  const { code, message } = rejectedIdentity({ oid, username: undefined }, undefined);
  expect(code).toBe('redis-rejected-identity');
  expect(message).toContain(`object id ${oid}. Give that object id an access policy assignment`);
  expect(message).not.toContain('REDIS_USERNAME');
});

it('and by the user name that was set, which is no object id', () => {
  const { message } = rejectedIdentity({ oid, username: 'reader' }, undefined);
  expect(message).toContain(`object id ${oid}.`);
  expect(message).toContain('REDIS_USERNAME has it sign in as reader');
});

it('says so where the token names nobody', () => {
  expect(rejectedIdentity({ oid: undefined, username: 'reader' }, undefined).message).toContain('(unknown)');
});
