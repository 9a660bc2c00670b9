// Reads from CLUSTER SLOTS which node of a cluster holds which slot: pure functions.

import { slotCount } from './key-slot.ts';

export interface NodeAddress {
  readonly host: string;
  readonly port: number;
}

/** The primary of each slot; undefined where no node holds it. */
export type SlotTable = readonly (NodeAddress | undefined)[];

export function addressText({ host, port }: NodeAddress): string {
  return `${host}:${port}`;
}

/**
 * `<host>:<port>` as MOVED and ASK give it; an address of IPv6 has colons of its own. An empty host is that of
 * the node that answered.
 */
export function parseAddress(text: string, answeredBy: string): NodeAddress | undefined {
  const match = /^(?<host>.*):(?<port>\d{1,5})(?:@\d+)?$/u.exec(text)?.groups;
  return match === undefined ? undefined : addressOf(match['host'], Number(match['port']), answeredBy);
}

/**
 * The reply of CLUSTER SLOTS: `[first slot, last slot, [host, port, ...] of the primary, ...replicas]` for each
 * range (https://redis.io/docs/latest/commands/cluster-slots/).
 * @returns undefined for anything else, and for a cluster that holds no slot at all.
 */
export function parseSlotTable(reply: unknown, answeredBy: string): SlotTable | undefined {
  if (!Array.isArray(reply)) return undefined;
  const table = Array.from<NodeAddress | undefined>({ length: slotCount });
  let covered = false;
  for (const range of reply as readonly unknown[]) {
    if (!Array.isArray(range)) return undefined;
    const [first, last, primary] = range as readonly unknown[];
    if (!isSlot(first) || !isSlot(last) || !Array.isArray(primary)) return undefined;
    const [host, port] = primary as readonly unknown[];
    const address = addressOf(host, port, answeredBy);
    if (address === undefined) continue;
    table.fill(address, first, last + 1);
    covered ||= last >= first;
  }
  return covered ? table : undefined;
}

/** Each once, in the order of their first slot. */
export function primariesOf(table: SlotTable): ReadonlyMap<string, NodeAddress> {
  const primaries = new Map<string, NodeAddress>();
  for (const address of new Set(table)) {
    if (address !== undefined) primaries.set(addressText(address), address);
  }
  return primaries;
}

// Without a host it is the one that the client asked; "?" says that the node does not know its own.
function addressOf(host: unknown, port: unknown, answeredBy: string): NodeAddress | undefined {
  if (typeof port !== 'number' || !Number.isInteger(port) || port < 1 || port > 65_535) return undefined;
  if (host === null || host === '') return { host: answeredBy, port };
  return typeof host === 'string' && host !== '?' ? { host, port } : undefined;
}

function isSlot(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < slotCount;
}
