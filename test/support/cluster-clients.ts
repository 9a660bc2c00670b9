// Plain node-redis clients for the fronts of a local cluster, closed with the test.

import { createClient, createCluster } from 'redis';
import { clientsOfOneClass, newRedisClient } from '../../src/redis/new-client.ts';
import { redisAudience, systemAssigned } from '../../local/token-issuer.ts';
import type { AnyStack, ClusterStack } from '../../local/stack.ts';

export interface Credentials {
  readonly username?: string;
  readonly password?: string;
}

/** A token of the managed identity as node-redis takes it. */
export async function credentialsFor(stack: AnyStack, lifetimeMs = 60_000): Promise<Credentials> {
  const { token } = await stack.issuer.issue({
    audience: redisAudience,
    identity: systemAssigned,
    lifetimeMs,
  });
  return { username: systemAssigned.objectId, password: token };
}

const quiet = { disableClientInfo: true, maintNotifications: 'disabled' } as const;

const newClient = { 2: clientsOfOneClass(() => createClient({ RESP: 2 })), 3: newRedisClient };

/** For one port of a front; never reconnects. */
export function clientAt(stack: AnyStack, port: number, credentials: Credentials, RESP: 2 | 3 = 3) {
  const socket = {
    host: 'localhost',
    port,
    tls: true,
    ca: stack.front.caPem,
    reconnectStrategy: false,
  } as const;
  return newClient[RESP]({ socket, ...credentials, ...quiet }).on('error', () => {});
}

export interface ClusterClientOptions {
  /** Whether nodes are reached by the host name that the certificate is for. */
  readonly byName: boolean;
  /** The name that the certificate of every node is checked against, instead of its address. */
  readonly servername?: string;
  /** node-redis's default is to try for ever. */
  readonly reconnects?: boolean;
}

/** As in the samples, or with the host name in the place of the announced address. */
export function clusterClient(
  stack: ClusterStack,
  credentials: Credentials,
  { byName, servername, reconnects = true }: ClusterClientOptions,
) {
  const tls = { tls: true, ca: stack.front.caPem, ...(servername !== undefined && { servername }) } as const;
  return createCluster({
    RESP: 3,
    rootNodes: [{ socket: { host: 'localhost', port: stack.front.port } }],
    defaults: {
      ...credentials,
      ...quiet,
      socket: { ...tls, ...(reconnects ? {} : { reconnectStrategy: false }) },
    },
    ...(byName && {
      nodeAddressMap: (address: string) => ({ host: 'localhost', port: Number(address.split(':').at(-1)) }),
    }),
  });
}
