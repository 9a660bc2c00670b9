// The fronts of a cluster: one for each node, and the cache's endpoint. Together they are used as one front.
// Used by the stack and by tests that make one or all of them misbehave.
//
// Held to https://learn.microsoft.com/azure/redis/architecture : with the OSSCluster policy clients first connect to
// the endpoint and then to every node, whose ports are high (85xx) and change. Nodes are announced by IP while the
// certificate is for the host name: https://github.com/redis/node-redis/issues/2903

import type { ServerCertificates } from '../certificates.ts';
import type { RedisCluster } from '../redis-cluster/cluster.ts';
import type { TokenIssuer } from '../token-issuer.ts';
import { AccessPolicy } from './access.ts';
import type { AnnouncedPorts } from './addresses.ts';
import type { ConnectionRecord } from './connection.ts';
import type { EntraFront } from './front.ts';
import {
  ConnectionLog,
  startFrontListener,
  type FrontBehaviour,
  type FrontListener,
  type FrontStats,
} from './listener.ts';

/** The front of one node. */
export interface NodeFront {
  readonly port: number;
  readonly stats: FrontStats;
  /** Those that lead to this node, through this front or the endpoint. */
  readonly connections: readonly ConnectionRecord[];
  cutAll(): void;
  setBehaviour(behaviour: FrontBehaviour): void;
  /** Moves to another port, which the cluster announces from then on; connections on the old one are cut. */
  changePort(): Promise<void>;
}

/** What concerns connections concerns those of all fronts; `port` is the endpoint's. */
export interface ClusterFront extends EntraFront {
  node(index: number): NodeFront;
}

export interface ClusterFrontOptions {
  readonly certificates: ServerCertificates;
  readonly issuer: TokenIssuer;
  readonly redis: RedisCluster;
}

export async function startClusterFront(options: ClusterFrontOptions): Promise<ClusterFront> {
  const { certificates, issuer, redis } = options;
  const log = new ConnectionLog();
  const announcedPorts: AnnouncedPorts = {
    get: (port) => nodeListeners[redis.nodes.findIndex((node) => node.port === port)]?.port,
  };
  // Each node has ACL users of its own: replication does not carry them.
  const policies = redis.nodes.map((node) => new AccessPolicy(issuer, node));
  const start = async (entered: () => number): Promise<FrontListener> =>
    startFrontListener({
      certificate: certificates.cache,
      log,
      destination: () => {
        const [node, access] = [entered(), policies[entered()]];
        if (access === undefined) throw new Error(`There is no node ${node}.`);
        return { redisPort: redis.node(node).port, access, node, announcedPorts };
      },
    });

  // The endpoint leads to the live node of the lowest index, the same one as long as that lives.
  const [endpoint, ...nodeListeners] = await Promise.all([
    start(() => redis.nodes.indexOf(redis.entrance)),
    ...redis.nodes.map(async (_, index) => start(() => index)),
  ]);
  const listeners = [endpoint, ...nodeListeners];
  const nodeFronts = nodeListeners.map((listener, index): NodeFront => ({
    get port() {
      return listener.port;
    },
    get stats() {
      return listener.stats;
    },
    get connections() {
      return log.records.filter(({ node }) => node === index);
    },
    cutAll: () => listener.destroyAll('cut'),
    setBehaviour: (behaviour) => listener.setBehaviour(behaviour),
    changePort: () => listener.listen(),
  }));

  return {
    hostname: 'localhost',
    port: endpoint.port,
    caPem: certificates.caPem,
    get stats() {
      return listeners.map(({ stats }) => stats).reduce(addStats);
    },
    connections: log.records,
    node(index) {
      const front = nodeFronts[index];
      if (front === undefined) throw new Error(`There is no node ${index}.`);
      return front;
    },
    assign: (objectId, alias) => policies.forEach((access) => access.assign(objectId, alias)),
    async unassign(objectId) {
      await Promise.all(policies.map(async (access) => access.unassign(objectId)));
    },
    async revoke(token) {
      await Promise.all(policies.map(async (access) => access.revoke(token)));
    },
    refuseTokensFrom: (issuedAtMs) => policies.forEach((access) => access.refuseTokensFrom(issuedAtMs)),
    cutAll: () => listeners.forEach((listener) => listener.destroyAll('cut')),
    setBehaviour: (behaviour) => listeners.forEach((listener) => listener.setBehaviour(behaviour)),
    async stop() {
      for (const access of policies) access.stop();
      await Promise.all(listeners.map(async (listener) => listener.stop()));
    },
  };
}

function addStats(one: FrontStats, other: FrontStats): FrontStats {
  return {
    connectionsAccepted: one.connectionsAccepted + other.connectionsAccepted,
    live: one.live + other.live,
    auths: one.auths + other.auths,
    authsRejected: one.authsRejected + other.authsRejected,
    refused: one.refused + other.refused,
  };
}
