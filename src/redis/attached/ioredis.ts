// Keeps ioredis clients that somebody else made authenticated: single ones, the nodes of a cluster, and duplicates.

import type { Token } from '../../auth/token.ts';
import { AppError } from '../../util/errors.ts';
import { isRejection, type AttachedClient, type AttachedConnection } from './attached-connection.ts';
import type { Attachments } from './attachments.ts';
import {
  attachDuplicates,
  hideTokens,
  setCredentials,
  waitForTokens,
  type IoredisClient,
} from './ioredis-client.ts';

/** A client of ioredis: `Redis`, or `Cluster`. */
export interface Ioredis {
  /** Which of the two. */
  readonly isCluster: boolean;
  /** `wait` until it connects. */
  readonly status: string;
}

interface IoredisCluster extends Ioredis {
  on(event: '+node', listener: (node: IoredisClient) => void): unknown;
  off(event: '+node', listener: (node: IoredisClient) => void): unknown;
  nodes(): readonly IoredisClient[];
  duplicate: (...override: unknown[]) => IoredisCluster;
}

interface Held {
  readonly by: Attachments;
  readonly detach: () => void;
}

const attached = new WeakMap<object, Held>();

/**
 * Attached again it changes nothing; to others, it belongs to those from then on. Undone, the client keeps the connections that it has.
 * @throws AppError `options-invalid` for a client that connects already.
 */
export function attachIoredis(target: Ioredis, attachments: Attachments): () => void {
  const found = attached.get(target);
  if (found?.by === attachments) return found.detach;
  if (!target.isCluster) checkNotConnecting(target);
  found?.detach();
  const undo = target.isCluster
    ? attachCluster(target as IoredisCluster, attachments)
    : attachClient(target as unknown as IoredisClient, attachments);
  const detach = (): void => {
    if (attached.delete(target)) undo();
  };
  attached.set(target, { by: attachments, detach });
  return detach;
}

function checkNotConnecting(client: Ioredis): void {
  if (client.status === 'connecting' || client.status === 'connect') {
    throw new AppError(
      'options-invalid',
      'The ioredis client connects already, without a token: make it with `lazyConnect: true`, and attach it before its first command.',
    );
  }
}

function attachCluster(cluster: IoredisCluster, attachments: Attachments): () => void {
  const onNode = (node: IoredisClient): void => void attachIoredis(node as never, attachments);
  cluster.on('+node', onNode);
  for (const node of cluster.nodes()) onNode(node);
  const { duplicate } = cluster;
  cluster.duplicate = (...override) => {
    const copy = duplicate.apply(cluster, override);
    attachIoredis(copy, attachments);
    return copy;
  };
  return () => {
    cluster.off('+node', onNode);
    cluster.duplicate = duplicate;
    for (const node of cluster.nodes()) attached.get(node)?.detach();
  };
}

function attachClient(client: IoredisClient, attachments: Attachments): () => void {
  const actions: AttachedClient = {
    auth: (token: Token) => client.auth(attachments.usernameOf(token), token.reveal()),
    mayAuthenticate: () => client.mode !== 'subscriber',
    reconnect: () => client.disconnect(true),
  };
  let connection: AttachedConnection | undefined;
  /** The token of the handshake that is under way. */
  let used: Token | undefined;
  let sendsAuthAgain = false;
  const offer = (): Token | undefined => {
    const token = attachments.offer();
    // Copies of the options are read by others, at other times.
    if (client.status === 'connect') used = token;
    return token;
  };
  const onReady = (): void => {
    onClose();
    // ioredis sends again what was not answered before a loss: where an AUTH was among that, another comes after it.
    connection = attachments.opened(actions, sendsAuthAgain ? undefined : used);
    sendsAuthAgain = false;
    used = undefined;
  };
  const onClose = (): void => {
    if (connection === undefined) return;
    sendsAuthAgain = connection.hasPendingAuth;
    attachments.closed(connection);
    connection = undefined;
  };
  const onHandshakeFailed = (error: unknown): void => {
    if (used !== undefined && isRejection(error)) attachments.handshakeRefused(used);
    used = undefined;
  };
  const undos = [
    setCredentials(client, attachments, offer),
    waitForTokens(client, attachments),
    attachDuplicates(client, (copy) => attachIoredis(copy as never, attachments)),
    hideTokens(client, onHandshakeFailed),
  ];
  const listeners = { ready: onReady, close: onClose, end: onClose };
  for (const [event, listener] of Object.entries(listeners)) client.on(event, listener);
  if (client.status === 'ready') onReady();
  return () => {
    for (const [event, listener] of Object.entries(listeners)) client.off(event, listener);
    onClose();
    for (const undo of undos) undo();
  };
}
