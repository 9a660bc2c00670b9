// Makes a cluster out of empty nodes: the first half primaries, the second half a replica for each.
// Used by cluster.ts. Knows no client.
//
// Held to https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/

import { loopback } from '../listening.ts';
import type { RedisServer } from '../redis-server.ts';
import { untilNothingLacks } from '../until.ts';
import { parseNodes, slotCount } from './topology.ts';

const limitMs = 60_000;

/**
 * A primary serves nothing for the first 2 s of its life (CLUSTER_WRITABLE_DELAY in redis's cluster.h), a
 * replica that has taken over does. So the slots are first given to the second half, and the first half takes
 * over from it at once.
 */
export async function formCluster(nodes: readonly RedisServer[]): Promise<void> {
  const half = nodes.length / 2;
  const [primaries, founders] = [nodes.slice(0, half), nodes.slice(half)];
  await Promise.all([
    // All different, or the nodes must first resolve the conflict; the founders' lower, so that they give way
    // also to a node that has not heard of their epochs yet.
    ...[...founders, ...primaries].map(async (node, index) =>
      node.admin('CLUSTER', 'SET-CONFIG-EPOCH', `${index + 1}`),
    ),
    ...founders.map(async (founder, index) => {
      const [from, to] = [index, index + 1].map((share) => Math.floor((share * slotCount) / half));
      return founder.admin('CLUSTER', 'ADDSLOTSRANGE', `${from}`, `${Number(to) - 1}`);
    }),
  ]);
  await meet(nodes);
  const founderIds = await Promise.all(founders.map(async (founder) => founder.admin('CLUSTER', 'MYID')));
  await Promise.all(
    primaries.map(async (node, index) => node.admin('CLUSTER', 'REPLICATE', String(founderIds[index]))),
  );
  await untilNothingLacks(() => lackingReplicas(primaries), 'Replicas of the founders', limitMs);
  await Promise.all(primaries.map(async (node) => node.admin('CLUSTER', 'FAILOVER', 'TAKEOVER')));
  await untilNothingLacks(() => lackingReplicas(founders), 'Replicas of the primaries', limitMs);
  // Something to replicate: a replica at offset 0 is listed nowhere.
  await Promise.all(primaries.map(async (node) => node.admin('FLUSHALL')));
}

/** Everybody meets everybody at once, for waiting for gossip takes seconds. */
async function meet(nodes: readonly RedisServer[]): Promise<void> {
  await Promise.all(
    nodes.flatMap((node, index) =>
      nodes
        .slice(0, index)
        .map(async ({ port, busPort }) =>
          node.admin('CLUSTER', 'MEET', loopback, `${port}`, `${busPort ?? ''}`),
        ),
    ),
  );
  await untilNothingLacks(
    async () => {
      for (const node of nodes) {
        const known = parseNodes(String(await node.admin('CLUSTER', 'NODES')));
        const met = known.filter(({ flags }) => !flags.includes('handshake'));
        if (met.length < nodes.length) return `${node.port} has met ${met.length} of ${nodes.length}`;
      }
      return undefined;
    },
    'Meeting of the nodes',
    limitMs,
  );
}

/** Which of `nodes` is no replica yet that can take over: it takes the slots of which it has heard. */
async function lackingReplicas(nodes: readonly RedisServer[]): Promise<string | undefined> {
  for (const node of nodes) {
    const replication = String(await node.admin('INFO', 'replication'));
    if (!replication.includes('master_link_status:up')) {
      return `${node.port} does not replicate yet`;
    }
    if (!String(await node.admin('CLUSTER', 'INFO')).includes('cluster_state:ok')) {
      return `cluster_state of ${node.port} is not ok`;
    }
    const known = parseNodes(String(await node.admin('CLUSTER', 'NODES'))).flatMap(({ slots }) => slots);
    const slots = known.reduce((sum, [from, to]) => sum + to - from + 1, 0);
    if (slots < slotCount) return `${node.port} has heard of ${slots} slots`;
  }
  return undefined;
}
