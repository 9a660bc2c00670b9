// The configuration file of a local redis-server, alone or as a node of a cluster. Used by redis-server.ts.
//
// Held to https://raw.githubusercontent.com/redis/redis/7.0/redis.conf

import { createHash } from 'node:crypto';
import { loopback } from './listening.ts';

export const adminUser = 'local-admin';

export interface ClusterNodeOptions {
  /** After this long without an answer a node is suspected. */
  readonly nodeTimeoutMs: number;
}

export interface RedisConfig {
  readonly port: number;
  /** The administrator's. */
  readonly password: string;
  /** As a node of a cluster, with the port of its cluster bus. */
  readonly cluster?: ClusterNodeOptions & { readonly busPort: number };
}

/**
 * Only the hash of the password is written, but for a cluster's replicas, which must send it to their primary.
 * `databases 1`: Azure Managed Redis has database 0 only (https://learn.microsoft.com/azure/redis/architecture).
 * Default user off: access keys are disabled (https://learn.microsoft.com/azure/redis/entra-for-authentication),
 * so everybody must name a user.
 */
export function redisConfig({ port, password, cluster }: RedisConfig): string {
  const hash = createHash('sha256').update(password).digest('hex');
  return [
    `bind ${loopback}`,
    `port ${port}`,
    'daemonize no',
    'save ""',
    'appendonly no',
    'databases 1',
    'logfile ""',
    'loglevel notice',
    'user default off resetpass',
    `user ${adminUser} on #${hash} ~* &* +@all`,
    ...(cluster === undefined ? [] : clusterConfig(cluster, password)),
    '',
  ].join('\n');
}

function clusterConfig(
  { busPort, nodeTimeoutMs }: ClusterNodeOptions & { readonly busPort: number },
  password: string,
): string[] {
  return [
    'cluster-enabled yes',
    `cluster-port ${busPort}`,
    'cluster-config-file nodes.conf',
    `cluster-node-timeout ${nodeTimeoutMs}`,
    // The keys of one shard must not depend on another's being up.
    'cluster-require-full-coverage no',
    'cluster-allow-reads-when-down no',
    // Replicas stay where they were put, and a primary without slots stays a primary.
    'cluster-allow-replica-migration no',
    `masteruser ${adminUser}`,
    `masterauth ${password}`,
    // By default a sync waits 5 s for more replicas, a replica whose offset is still 0 is not listed in
    // CLUSTER SLOTS until a ping after up to 10 s, and SIGTERM waits 10 s for replicas that lag.
    'repl-diskless-sync-delay 0',
    'repl-ping-replica-period 1',
    'shutdown-timeout 0',
    // What a replica got from its primary would be on disk and back after a kill.
    'rdb-del-sync-files yes',
  ];
}
