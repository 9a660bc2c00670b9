// Keeps node-redis clients that somebody else made authenticated: single ones, the nodes of a cluster, those of a pool.
//
// Their handshakes take the token from a credentials provider. A streaming provider could not do the rest: node-redis
// subscribes again at each reconnect, and does not say for which client (docs/adr/0001-async-credentials-provider.md).

import type { Token } from '../../auth/token.ts';
import { isRejection, type AttachedClient, type AttachedConnection } from './attached-connection.ts';
import type { Attachments } from './attachments.ts';

type Listen = (event: string, listener: (value?: unknown) => void) => unknown;

/** The part of a node-redis client that is used. */
export interface NodeRedisClient {
  readonly isReady: boolean;
  readonly isPubSubActive: boolean;
  readonly options?: { readonly RESP?: number | undefined } | undefined;
  on: Listen;
  off: Listen;
  listenerCount(event: string): number;
  auth(credentials: { username: string; password: string }): Promise<unknown>;
}

interface ClusterNode {
  readonly client?: NodeRedisClient | undefined;
}

export interface NodeRedisCluster {
  readonly nodeByAddress: ReadonlyMap<string, ClusterNode>;
  readonly pubSubNode?: ClusterNode | undefined;
  on: Listen;
  off: Listen;
}

export interface NodeRedisPool {
  readonly totalClients: number;
  execute: (task: (client: NodeRedisClient) => unknown) => unknown;
}

/** What `createClient`, `createCluster` or `createClientPool` of node-redis returns. */
export type NodeRedis = NodeRedisClient | NodeRedisCluster | NodeRedisPool;

/** Undefined for what is no node-redis client. Attached again it changes nothing. */
export function attachNodeRedis(target: NodeRedis, attachments: Attachments): (() => void) | undefined {
  if (typeof target !== 'object' || target === null) return undefined;
  if ('nodeByAddress' in target) return attachCluster(target, attachments);
  if ('totalClients' in target) return attachPool(target, attachments);
  if ('isReady' in target && typeof target.auth === 'function') return attachClient(target, attachments);
  return undefined;
}

/** So that nobody is attached twice, by whichever way: a client of a pool at each of its tasks, say. */
const detachers = new WeakMap<Attachments, WeakMap<object, () => void>>();

function once(target: object, attachments: Attachments, attach: () => () => void): () => void {
  let known = detachers.get(attachments);
  if (known === undefined) detachers.set(attachments, (known = new WeakMap()));
  const found = known.get(target);
  if (found !== undefined) return found;
  const stop = attach();
  const detach = (): void => {
    known.delete(target);
    stop();
  };
  known.set(target, detach);
  return detach;
}

/** @param isConnecting whether it has just connected, and not begun its handshake. */
function attachClient(client: NodeRedisClient, attachments: Attachments, isConnecting = false): () => void {
  return once(client, attachments, () => {
    const attached: AttachedClient = {
      auth: (token: Token) =>
        client.auth({ username: attachments.usernameOf(token), password: token.reveal() }),
      mayAuthenticate: () => !(client.isPubSubActive && client.options?.RESP === 2),
    };
    let connection: AttachedConnection | undefined;
    let offered: Token | undefined;
    let isHandshake = false;
    const onError = (error: unknown): void => {
      if (offered !== undefined && isRejection(error)) attachments.handshakeRefused(offered);
    };
    const onConnect = (): void => {
      onEnd();
      isHandshake = true;
      offered = attachments.offer();
      // A client without any listener ends the process with its first error: that is left so.
      if (client.listenerCount('error') > 0) client.on('error', onError);
      // The provider waits for the same token, and has it before this.
      if (offered === undefined) attachments.token(Number.POSITIVE_INFINITY).then(onToken, () => {});
    };
    const onToken = (token: Token): void => {
      if (isHandshake) offered ??= token;
    };
    const endHandshake = (): void => {
      isHandshake = false;
      client.off('error', onError);
    };
    const onReady = (): void => {
      endHandshake();
      connection = attachments.opened(attached, offered);
      offered = undefined;
    };
    const onEnd = (): void => {
      endHandshake();
      if (connection !== undefined) attachments.closed(connection);
      connection = undefined;
    };
    const listeners = { connect: onConnect, ready: onReady, reconnecting: onEnd, end: onEnd };
    for (const [event, listener] of Object.entries(listeners)) client.on(event, listener);
    if (isConnecting) onConnect();
    else if (client.isReady) onReady();
    return () => {
      for (const [event, listener] of Object.entries(listeners)) client.off(event, listener);
      onEnd();
    };
  });
}

function attachCluster(cluster: NodeRedisCluster, attachments: Attachments): () => void {
  return once(cluster, attachments, () => {
    const attached = new Map<NodeRedisClient, () => void>();
    const look = (isConnecting: boolean): void => {
      const nodes = [...cluster.nodeByAddress.values(), cluster.pubSubNode];
      const clients = new Set(nodes.flatMap((node) => node?.client ?? []));
      for (const [client, detach] of attached) {
        if (clients.has(client)) continue;
        attached.delete(client);
        detach();
      }
      for (const client of clients) {
        if (!attached.has(client))
          attached.set(client, attachClient(client, attachments, isConnecting && !client.isReady));
      }
    };
    const onConnect = (): void => look(true);
    const onDisconnect = (): void => look(false);
    cluster.on('node-connect', onConnect);
    cluster.on('node-disconnect', onDisconnect);
    look(false);
    return () => {
      cluster.off('node-connect', onConnect);
      cluster.off('node-disconnect', onDisconnect);
      for (const detach of attached.values()) detach();
    };
  });
}

/** A pool shows its clients to nobody but to those who use them: each is attached when it is first used. */
function attachPool(pool: NodeRedisPool, attachments: Attachments): () => void {
  return once(pool, attachments, () => {
    const execute = pool.execute.bind(pool);
    let isAttached = true;
    pool.execute = (task) =>
      execute((client) => {
        if (isAttached) attachClient(client, attachments);
        return task(client);
      });
    return () => {
      isAttached = false;
    };
  });
}
