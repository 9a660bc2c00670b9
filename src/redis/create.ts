// Creates the Redis client that the cache's clustering policy asks for.

import { Admission } from './admission.ts';
import { ClusterNodes } from './cluster-nodes.ts';
import { ClusterRedis } from './cluster.ts';
import { shakeHands, type ConnectionOptions } from './handshake.ts';
import { RedisNode, type RedisNodeOptions } from './node.ts';
import type { Redis } from './redis.ts';
import { StandaloneRedis } from './standalone.ts';
import { ClientTracking } from './tracking.ts';

export const clusteringPolicies = ['EnterpriseCluster', 'NoCluster', 'OSSCluster'] as const;
/** Of the cache: the first two have one endpoint, `OSSCluster` one for each node. */
export type ClusteringPolicy = (typeof clusteringPolicies)[number];

/** The cache, and the user name to sign in with. */
export interface RedisEndpoint {
  readonly hostname: string;
  readonly port: number;
  readonly clusteringPolicy: ClusteringPolicy;
  readonly tls: boolean;
  /** PEM: the authorities to trust, in place of those that Node.js trusts. */
  readonly ca?: string | undefined;
  /** The token's object id where undefined. */
  readonly username: string | undefined;
}

export type CreateRedisOptions = Omit<
  RedisNodeOptions,
  'connection' | 'nextConnectionId' | 'admission' | 'shakeHands' | 'tracking'
>;

/** What may be set differently in tests. */
export type ConnectionLimits = Partial<
  Pick<ConnectionOptions, 'connectTimeoutMs' | 'pingAfterMs' | 'pingTimeoutMs'>
>;

/** Not started. */
export function createRedis(
  { hostname, port, tls, ca, username, clusteringPolicy: policy }: RedisEndpoint,
  options: CreateRedisOptions,
  limits: ConnectionLimits = {},
): Redis {
  const { clock, random, emit } = options;
  const connection = {
    hostname,
    port,
    tls,
    ca,
    username,
    connectTimeoutMs: 5000,
    pingAfterMs: 60_000,
    ...limits,
  };
  let lastConnectionId = 0;
  const nextConnectionId = (): number => (lastConnectionId += 1);
  const tracking = new ClientTracking(options);
  const shared = { ...options, nextConnectionId, admission: new Admission(options), shakeHands, tracking };
  if (policy !== 'OSSCluster') {
    const node = new RedisNode({ ...shared, connection });
    return new StandaloneRedis({ node, emit, tracking, policy });
  }
  const nodes = new ClusterNodes({
    endpoint: { host: hostname, port },
    clock,
    random,
    emit,
    // Nodes are announced by IP address, and no certificate names that: every one of them is checked by the
    // cache's host name (https://github.com/redis/node-redis/issues/2903).
    newNode: (address, emitOfNode) =>
      new RedisNode({
        ...shared,
        emit: emitOfNode,
        connection: { ...connection, hostname: address.host, port: address.port, servername: hostname },
      }),
  });
  return new ClusterRedis({ nodes, tracking, clock });
}
