import { expect, it } from 'vitest';
import { ClusterRedis } from '../../../src/redis/cluster.ts';
import { clusteringPolicies, createRedis } from '../../../src/redis/create.ts';
import { StandaloneRedis } from '../../../src/redis/standalone.ts';
import { ScriptedNode } from '../../support/scripted-node.ts';

const endpoint = { hostname: 'cache', port: 10_000, tls: true, username: undefined };

it.each(clusteringPolicies)('%s has its client, which is not started', (clusteringPolicy) => {
  const { options } = new ScriptedNode();
  const redis = createRedis({ ...endpoint, clusteringPolicy }, options);
  expect(redis).toBeInstanceOf(clusteringPolicy === 'OSSCluster' ? ClusterRedis : StandaloneRedis);
  expect(redis.status()).toMatchObject({ state: 'idle', connections: 0 });
});
