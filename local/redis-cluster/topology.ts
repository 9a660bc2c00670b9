// Who owns which slots, as the nodes of a cluster see it, and whether they agree. Used by the cluster's other parts.
//
// Held to https://redis.io/docs/latest/commands/cluster-nodes/ and https://redis.io/docs/latest/commands/cluster-slots/

import type { AdminReply, RedisServer } from '../redis-server.ts';

export const slotCount = 16_384;

/** First and last slot. */
export type SlotRange = readonly [number, number];

/** Nodes are named by their index in the cluster. */
export interface Shard {
  readonly primary: number;
  /** Those that are not known to have failed. */
  readonly replicas: readonly number[];
  /** Empty for a primary that has given all of them away. */
  readonly slots: readonly SlotRange[];
}

/** In the order of the primaries' indices. */
export type Topology = readonly Shard[];

interface NodeLine {
  readonly id: string;
  readonly port: number;
  readonly flags: readonly string[];
  readonly primaryId: string;
  readonly slots: readonly SlotRange[];
}

export function parseNodes(text: string): NodeLine[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [id = '', address = '', flags = '', primaryId = '', , , , , ...slots] = line.split(' ');
      return {
        id,
        port: Number(/:(\d+)/u.exec(address)?.[1]),
        flags: flags.split(','),
        primaryId,
        // In brackets: slots on their way from or to this node.
        slots: slots.filter((range) => !range.startsWith('[')).map(parseRange),
      };
    });
}

function parseRange(text: string): SlotRange {
  const [from, to] = text.split('-').map(Number);
  return [from ?? Number.NaN, to ?? from ?? Number.NaN];
}

export function topologyOf(lines: readonly NodeLine[], nodes: readonly RedisServer[]): Topology {
  const indexOf = ({ port }: NodeLine): number => nodes.findIndex((node) => node.port === port);
  const failed = ({ flags }: NodeLine): boolean => flags.includes('fail');
  const primaries = lines.filter(
    (line) => line.flags.includes('master') && (line.slots.length > 0 || !failed(line)),
  );
  return primaries
    .map((primary) => ({
      primary: indexOf(primary),
      replicas: lines
        .filter((line) => line.primaryId === primary.id && !failed(line))
        .map(indexOf)
        .toSorted((a, b) => a - b),
      slots: primary.slots,
    }))
    .toSorted((a, b) => a.primary - b.primary);
}

/** The topology as `asked` sees it. */
export async function askTopology(asked: RedisServer, nodes: readonly RedisServer[]): Promise<Topology> {
  return topologyOf(parseNodes(String(await asked.admin('CLUSTER', 'NODES'))), nodes);
}

/** What clients are told: of each range in CLUSTER SLOTS its primary's port, then its replicas'. */
function portsByRange(reply: AdminReply): string {
  const rows = (reply as readonly AdminReply[]).map((row) => {
    const [from, to, ...owners] = row as readonly AdminReply[];
    const [primary, ...replicas] = owners.map((owner) => Number((owner as readonly AdminReply[])[1]));
    return `${String(from)}-${String(to)}:${primary}>${replicas.toSorted((a, b) => a - b).join(',')}`;
  });
  return rows.toSorted().join(' ');
}

/** What keeps the cluster from being settled, in a few words; undefined if nothing does. */
export async function whatIsUnsettled(nodes: readonly RedisServer[]): Promise<string | undefined> {
  const live = nodes.filter((node) => node.responsive);
  const views = await Promise.all(
    live.map(async (node) => ({
      port: node.port,
      info: String(await node.admin('CLUSTER', 'INFO')),
      lines: parseNodes(String(await node.admin('CLUSTER', 'NODES'))),
      slots: portsByRange(await node.admin('CLUSTER', 'SLOTS')),
      replication: String(await node.admin('INFO', 'replication')),
    })),
  );
  const [first] = views;
  if (first === undefined) return 'no node is up';
  const topology = topologyOf(first.lines, nodes);
  const agreed = JSON.stringify(topology);
  const expected = topology.flatMap(({ primary, replicas, slots }) =>
    slots.map(([from, to]) => {
      const ports = replicas.map((replica) => nodes[replica]?.port ?? 0).toSorted((a, b) => a - b);
      return `${from}-${to}:${nodes[primary]?.port}>${ports.join(',')}`;
    }),
  );
  const owned = topology
    .filter(({ primary }) => nodes[primary]?.responsive)
    .flatMap(({ slots }) => slots)
    .reduce((sum, [from, to]) => sum + to - from + 1, 0);
  if (owned < slotCount) return `${slotCount - owned} slots have no live owner`;
  for (const { port, info, lines, slots, replication } of views) {
    if (!info.includes('cluster_state:ok')) return `cluster_state of ${port} is not ok`;
    const unsure = lines.find(({ flags }) =>
      flags.some((flag) => ['fail?', 'handshake', 'noaddr'].includes(flag)),
    );
    if (unsure !== undefined) return `${port} is not sure of ${unsure.port}`;
    const forgotten = nodes.find((node) => {
      const line = lines.find((candidate) => candidate.port === node.port);
      return line === undefined || line.flags.includes('fail') === node.responsive;
    });
    if (forgotten !== undefined) return `${port} does not know how ${forgotten.port} is`;
    if (JSON.stringify(topologyOf(lines, nodes)) !== agreed) return `${port} sees another topology`;
    if (slots !== expected.toSorted().join(' ')) return `${port} does not list all replicas`;
    if (replication.includes('master_link_status:down')) return `${port} has no link to its primary`;
  }
  return undefined;
}
