// What an answer of a cluster's node means for the command: done elsewhere, later, or not at all. Used by
// cluster.ts and standalone.ts. Pure; knows no connection.

import { ErrorReply } from 'redis';
import { AppError } from '../util/errors.ts';
import { parseAddress, type NodeAddress } from './topology.ts';

export type NextStep =
  /** The slot has moved for good. */
  | { readonly kind: 'moved'; readonly slot: number; readonly to: NodeAddress }
  /** The slot is on its way: this key is there already, this once. */
  | { readonly kind: 'ask'; readonly at: NodeAddress }
  /** Nothing was done; the same node may be able to in a moment. */
  | { readonly kind: 'later' }
  /** Nothing was sent: the node has left the cluster. */
  | { readonly kind: 'elsewhere' }
  | { readonly kind: 'give-up' };

// Of a slot or a shard between two states (https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/).
const passing = ['TRYAGAIN', 'CLUSTERDOWN', 'MASTERDOWN', 'READONLY', 'LOADING'];

/** @param answeredBy host of the node, for an address without one. */
export function nextStep(error: AppError, answeredBy: string): NextStep {
  if (error.code === 'stopped') return { kind: 'elsewhere' };
  if (!(error.cause instanceof ErrorReply)) return { kind: 'give-up' };
  const { message } = error.cause;
  const redirect = /^(?<kind>MOVED|ASK) (?<slot>\d+) (?<address>\S+)$/u.exec(message)?.groups;
  const address = parseAddress(redirect?.['address'] ?? '', answeredBy);
  if (address !== undefined) {
    return redirect?.['kind'] === 'MOVED'
      ? { kind: 'moved', slot: Number(redirect['slot']), to: address }
      : { kind: 'ask', at: address };
  }
  return passing.some((code) => message.startsWith(code)) ? { kind: 'later' } : { kind: 'give-up' };
}

/** The setting says one thing of the cache, and the cache another. */
export function wrongClusteringPolicy(set: string, seen: string, right: string, cause: AppError): AppError {
  return new AppError(
    'settings-invalid',
    `REDIS_CLUSTERING_POLICY is ${set}, but ${seen}. Set it to what the cache was created with: ${right}.`,
    { cause },
  );
}
