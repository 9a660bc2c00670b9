// Asks a cluster which node holds which slot.

import type { Clock } from '../util/clock.ts';
import { AppError } from '../util/errors.ts';
import type { RedisNode } from './node.ts';
import { wrongClusteringPolicy } from './redirect.ts';
import { parseSlotTable, type NodeAddress, type SlotTable } from './topology.ts';

export interface Source {
  readonly node: RedisNode;
  readonly address: NodeAddress;
}

const nodeLimitMs = 1000;
const seedLimitMs = 5000;

/**
 * The first answer of `nodes`; that of the `seed` node where none of them answers.
 * @throws AppError `settings-invalid` when the cache is no cluster; else why there is no answer.
 */
export async function askForSlotTable(
  nodes: readonly Source[],
  seed: () => Source,
  clock: Clock,
): Promise<SlotTable> {
  try {
    return await Promise.any(nodes.map((source) => ask(source, clock.nowMs() + nodeLimitMs)));
  } catch {
    return await ask(seed(), clock.nowMs() + seedLimitMs);
  }
}

async function ask({ node, address }: Source, deadlineAtMs: number): Promise<SlotTable> {
  let reply: unknown;
  try {
    reply = await node.run((client) => client.sendCommand(['CLUSTER', 'SLOTS']), {
      deadlineAtMs,
      idempotent: true,
    });
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'command-failed') throw error;
    const seen = `the cache does not answer as a cluster (CLUSTER SLOTS: ${error.message})`;
    throw wrongClusteringPolicy('OSSCluster', seen, 'EnterpriseCluster or NoCluster', error);
  }
  const table = parseSlotTable(reply, address.host);
  if (table === undefined) throw new AppError('redis-unavailable', 'No node of the cache holds any keys.');
  return table;
}
