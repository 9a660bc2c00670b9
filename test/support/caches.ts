// The kinds of cache that whole suites run on.

import type { RedisCluster } from '../../local/redis-cluster/cluster.ts';
import type { LocalRedis } from '../../local/redis-server.ts';

export interface CacheKind {
  readonly cache: string;
  readonly cluster: boolean;
  /** Servers that an instance sends commands to, each on a connection. */
  readonly nodes: number;
  /** What an instance keeps: one more hears announcements. */
  readonly connections: number;
}

export const caches = {
  single: { cache: 'a single endpoint', cluster: false, nodes: 1, connections: 2 },
  cluster: { cache: 'a cluster', cluster: true, nodes: 3, connections: 4 },
} as const satisfies Record<string, CacheKind>;

export const allCaches: readonly CacheKind[] = Object.values(caches);

/** The servers of a cache: one, or all nodes of a cluster. */
export function serversOf(redis: LocalRedis): readonly LocalRedis[] {
  return 'nodes' in redis ? (redis as RedisCluster).nodes : [redis];
}
