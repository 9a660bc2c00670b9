// What a failure on one node of a cluster means for the command: run it elsewhere, later, or not again.

import { AppError } from '../util/errors.ts';
import type { RefusalCause } from '../telemetry/events.ts';
import { ReplyError } from './reply-error.ts';
import { parseAddress, type NodeAddress } from './topology.ts';

export type NextStep =
  /** The slot has moved for good. */
  | { readonly kind: 'moved'; readonly slot: number; readonly to: NodeAddress }
  /** The slot is being moved, and this key is at the other node already: ask there, this once. */
  | { readonly kind: 'ask'; readonly at: NodeAddress }
  /** Nothing was done; the same node may be able to in a moment. */
  | { readonly kind: 'later' }
  /** Nothing was sent: the node has left the cluster. */
  | { readonly kind: 'elsewhere' }
  | { readonly kind: 'give-up' };

// Of a shard between two states (https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/).
const transient: ReadonlySet<RefusalCause> = new Set([
  'cluster-down',
  'primary-down',
  'read-only',
  'loading',
]);

/** @param answeredBy host of the node, for an address without one. */
export function nextStep(error: AppError, answeredBy: string): NextStep {
  if (error.code === 'stopped') return { kind: 'elsewhere' };
  if (!(error instanceof ReplyError)) return { kind: 'give-up' };
  const { reply } = error;
  switch (reply.kind) {
    case 'moved':
    case 'ask': {
      const address = parseAddress(reply.address, answeredBy);
      if (address === undefined) return { kind: 'give-up' };
      return reply.kind === 'ask'
        ? { kind: 'ask', at: address }
        : { kind: 'moved', slot: reply.slot, to: address };
    }
    case 'try-again':
      return { kind: 'later' };
    case 'refused':
      return { kind: transient.has(reply.cause) ? 'later' : 'give-up' };
    case 'wrong-type':
    case 'not-authenticated':
      return { kind: 'give-up' };
  }
}

/** The setting says one thing of the cache, and the cache another. */
export function wrongClusteringPolicy(set: string, seen: string, right: string, cause: AppError): AppError {
  return new AppError(
    'settings-invalid',
    `REDIS_CLUSTERING_POLICY is ${set}, but ${seen}. Set it (in code: the option clusteringPolicy) to what the cache was created with: ${right}.`,
    { cause },
  );
}
