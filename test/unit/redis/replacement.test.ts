import { beforeEach, expect, it } from 'vitest';
import type { Connection } from '../../../src/redis/connection.ts';
import type { ConnectionOpener } from '../../../src/redis/connection-opener.ts';
import { Replacement } from '../../../src/redis/replacement.ts';
import { settle } from '../../support/fake-clock.ts';
import { hourMs, ScriptedNode } from '../../support/scripted-node.ts';
import { tokenOf } from '../../support/tokens.ts';

interface Scripted {
  id: number;
  isLive: boolean;
  isBlocked: boolean;
  ends: string[];
}

const token = tokenOf(0, hourMs);
let node: ScriptedNode;
let isCurrent: boolean;
let adopted: Connection[];
let open: () => Promise<Connection>;
let replacement: Replacement;

function scripted(id: number): Scripted & Connection {
  const ends: string[] = [];
  const connection = {
    id,
    isLive: true,
    isBlocked: false,
    ends,
    close: async () => void ends.push('close'),
    leave: async () => void ends.push('leave'),
  };
  return connection as unknown as Scripted & Connection;
}

beforeEach(async () => {
  node = new ScriptedNode();
  await node.bringToken();
  isCurrent = true;
  adopted = [];
  replacement = new Replacement({
    ...node.options,
    opener: { openWith: () => open() } as unknown as ConnectionOpener,
    closeGraceMs: 5000,
    isCurrent: () => isCurrent,
    adopt: async (successor) => void adopted.push(successor),
  });
});

it('the successor is in use before the connection is closed', async () => {
  const [old, successor] = [scripted(1), scripted(2)];
  open = () => Promise.resolve(successor);
  expect(await replacement.ofExpiring(old, token)).toBe(true);
  expect([adopted, old.ends]).toEqual([[successor], ['close']]);
  expect(node.events.at(-1)).toMatchObject({ type: 'connectionReplaced', connectionId: 1, successorId: 2 });
});

it('a connection that is blocked is left, so that its commands go on elsewhere', async () => {
  const [old, successor] = [scripted(1), scripted(2)];
  old.isBlocked = true;
  open = () => Promise.resolve(successor);
  await replacement.ofBlocked(old);
  expect(old.ends).toEqual(['leave']);
});

it('a successor that nobody needs any more is closed', async () => {
  const [old, successor] = [scripted(1), scripted(2)];
  open = () => Promise.resolve(successor);
  // The block is over.
  await replacement.ofBlocked(old);
  isCurrent = false;
  await replacement.ofExpiring(old, token);
  expect([adopted, old.ends, successor.ends]).toEqual([[], [], ['close', 'close']]);
});

it('a failure leaves the connection as it is, and another try may follow', async () => {
  const old = scripted(1);
  open = () => Promise.reject(new Error('down'));
  expect(await replacement.ofExpiring(old, token)).toBe(false);
  open = () => Promise.resolve(scripted(2));
  expect(await replacement.ofExpiring(old, token)).toBe(true);
});

it('a successor that is lost at once leaves the connection as it is, and another try may follow', async () => {
  const [old, lost] = [scripted(1), scripted(2)];
  lost.isLive = false;
  open = () => Promise.resolve(lost);
  expect(await replacement.ofExpiring(old, token)).toBe(false);
  expect([adopted, old.ends]).toEqual([[], []]);
});

it('one successor at a time is made', async () => {
  const old = scripted(1);
  const opened = Promise.withResolvers<Connection>();
  open = () => opened.promise;
  const first = replacement.ofExpiring(old, token);
  expect(await replacement.ofExpiring(old, token)).toBe(false);
  opened.resolve(scripted(2));
  await settle();
  expect(await first).toBe(true);
});
