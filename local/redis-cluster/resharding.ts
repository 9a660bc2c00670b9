// Moves slots with their keys from one primary to another while clients go on. Used by cluster.ts.
//
// Held to https://redis.io/docs/latest/commands/cluster-setslot/#redis-cluster-live-resharding-explained

import { loopback } from '../listening.ts';
import { adminUser } from '../redis-config.ts';
import type { AdminReply, RedisServer } from '../redis-server.ts';

export interface ReshardingStep {
  /**
   * `opened`: the source answers ASK for keys it does not have. `moved`: some keys have moved.
   * `closed`: the slot belongs to the target, and the source answers MOVED.
   */
  readonly phase: 'opened' | 'moved' | 'closed';
  readonly slot: number;
  /** Of this slot so far. */
  readonly keysMoved: number;
}

export interface ReshardingOptions {
  /** Waited for at every step. */
  readonly onStep?: (step: ReshardingStep) => void | Promise<void>;
  /** How many keys MIGRATE moves at once; 10 unless said otherwise. */
  readonly keysPerStep?: number;
}

export interface Resharding extends ReshardingOptions {
  readonly from: RedisServer;
  readonly to: RedisServer;
  readonly otherPrimaries: readonly RedisServer[];
  readonly password: string;
}

/** So many slots are open at a time: each change alone costs every node a write to its disk. */
const slotsAtOnce = 100;
const migrateTimeoutMs = 5000;

export async function moveSlots(slots: readonly number[], resharding: Resharding): Promise<void> {
  for (let at = 0; at < slots.length; at += slotsAtOnce) {
    await moveGroup(slots.slice(at, at + slotsAtOnce), resharding);
  }
}

async function moveGroup(slots: readonly number[], resharding: Resharding): Promise<void> {
  const { from, to, otherPrimaries, onStep } = resharding;
  const [fromId, toId] = (
    await Promise.all([from.admin('CLUSTER', 'MYID'), to.admin('CLUSTER', 'MYID')])
  ).map(String) as [string, string];
  const setSlots = async (node: RedisServer, ...state: string[]): Promise<unknown> =>
    Promise.all(slots.map(async (slot) => node.admin('CLUSTER', 'SETSLOT', `${slot}`, ...state)));

  // Importing first, or the target would send back whom the source sends.
  await setSlots(to, 'IMPORTING', fromId);
  await setSlots(from, 'MIGRATING', toId);
  const moved = new Map<number, number>();
  for (const slot of slots) {
    await onStep?.({ phase: 'opened', slot, keysMoved: 0 });
    moved.set(slot, await moveKeys(slot, resharding));
  }
  // The target first: were the source to forget a slot before, nobody would own it.
  for (const node of [to, from, ...otherPrimaries]) await setSlots(node, 'NODE', toId);
  for (const [slot, keysMoved] of moved) await onStep?.({ phase: 'closed', slot, keysMoved });
}

async function moveKeys(slot: number, resharding: Resharding): Promise<number> {
  const { from, to, password, onStep, keysPerStep = 10 } = resharding;
  let keysMoved = 0;
  for (;;) {
    const keys = (await from.admin('CLUSTER', 'GETKEYSINSLOT', `${slot}`, `${keysPerStep}`)) as AdminReply[];
    if (keys.length === 0) return keysMoved;
    const where = [loopback, `${to.port}`, '', '0', `${migrateTimeoutMs}`];
    const how = ['REPLACE', 'AUTH2', adminUser, password, 'KEYS', ...keys.map(String)];
    await from.admin('MIGRATE', ...where, ...how);
    keysMoved += keys.length;
    await onStep?.({ phase: 'moved', slot, keysMoved });
  }
}
