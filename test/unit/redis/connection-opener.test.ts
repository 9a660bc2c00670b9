import { beforeEach, expect, it } from 'vitest';
import type { Token } from '../../../src/auth/token.ts';
import { ConnectionOpener, isRejection } from '../../../src/redis/connection-opener.ts';
import { AppError } from '../../../src/util/errors.ts';
import { ScriptedNode } from '../../support/scripted-node.ts';

let node: ScriptedNode;
let opener: ConnectionOpener;
let offered: Token[];
let first: Token;
let second: Token;
let rejected: Token[];

beforeEach(async () => {
  node = new ScriptedNode();
  offered = [];
  rejected = [];
  opener = new ConnectionOpener({ ...node.options, onLost: () => {}, onBlocked: () => {} });
  node.server.onHandshake = (token) => {
    offered.push(token);
    if (rejected.includes(token)) throw new AppError('redis-rejected-identity', 'who?');
  };
  first = await node.bringToken();
  await opener.open(() => true);
  await node.clock.advance(60_000);
  second = await node.bringToken();
  offered = [];
});

it('opens with the newest token', async () => {
  const connection = await opener.open(() => true);
  expect(connection.token).toBe(second);
  expect(opener.newestTried).toBe(second);
});

it('opens at once with the token that was let in before, where the newest is refused', async () => {
  rejected = [second];
  const connection = await opener.open(() => true);
  expect(offered).toEqual([second, first]);
  expect(connection.token).toBe(first);
});

it('fails where both are refused, and where nobody wants the connection any more', async () => {
  rejected = [first, second];
  await expect(opener.open(() => true)).rejects.toSatisfy(isRejection);
  expect(offered).toEqual([second, first]);
  rejected = [second];
  offered = [];
  await expect(opener.open(() => false)).rejects.toSatisfy(isRejection);
  expect(offered).toEqual([second]);
});

it('opens with one token and no other, where that is asked for', async () => {
  expect((await opener.openWith(first)).token).toBe(first);
  rejected = [second];
  await expect(opener.openWith(second)).rejects.toSatisfy(isRejection);
});

it('fails for another reason than the token without offering another', async () => {
  node.server.onHandshake = (token) => {
    offered.push(token);
    throw new AppError('redis-unavailable', 'down');
  };
  await expect(opener.open(() => true)).rejects.toThrow('down');
  expect(offered).toEqual([second]);
});
