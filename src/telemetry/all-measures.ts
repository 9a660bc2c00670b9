// The measures of all clients of this process: what metrics are made of.

import { onePerProcess } from '../util/one-per-process.ts';
import type { Measures } from './measures.ts';

/** How a client is now. */
export interface Gauges {
  /** Live ones, for commands and for subscriptions. */
  readonly connections: number;
  /** AUTH commands on live connections since the start, by their outcome: these two only grow. */
  readonly reauthenticated: number;
  readonly reauthenticationsFailed: number;
  /** Undefined while there is no token. */
  readonly tokenSecondsLeft: number | undefined;
  /** Of the memory tiers of its caches together. */
  readonly memoryEntries: number;
  readonly memoryBytes: number;
  readonly memoryLimitBytes: number;
}

/** Of one client and its caches. */
export interface ClientMeasures {
  /** The client's namespace, or `other` after the first ones of a process: there are few names, however many clients. */
  readonly name: string;
  readonly measures: Measures;
  readonly gauges: () => Gauges;
}

const mostNames = 10;
const otherName = 'other';

interface Known {
  readonly clients: Set<ClientMeasures>;
  readonly names: Set<string>;
}

/** Those of the clients that are open. */
export function allMeasures(): ReadonlySet<ClientMeasures> {
  return known().clients;
}

/** Adds those of a client; returns what removes them when it closes. */
export function addMeasures(namespace: string, measures: Measures, gauges: () => Gauges): () => void {
  const { clients, names } = known();
  if (names.size < mostNames) names.add(namespace);
  const added = { name: names.has(namespace) ? namespace : otherName, measures, gauges };
  clients.add(added);
  return () => clients.delete(added);
}

function known(): Known {
  return onePerProcess('measures', () => ({ clients: new Set(), names: new Set() }));
}
