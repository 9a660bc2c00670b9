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

/** Called for each client; what it returns is called when that one closes. */
export type OnMeasures = (client: ClientMeasures) => () => void;

interface Known {
  readonly clients: Set<ClientMeasures>;
  readonly names: Set<string>;
  /** What each listener wants to be called for each client. */
  readonly listeners: Map<OnMeasures, Map<ClientMeasures, () => void>>;
}

/** Those of the clients that are open. */
export function allMeasures(): ReadonlySet<ClientMeasures> {
  return known().clients;
}

/** Tells of the clients that are open, and of each later one; returns how to stop. */
export function onMeasures(listener: OnMeasures): () => void {
  const { clients, listeners } = known();
  const own: OnMeasures = (client) => listener(client);
  listeners.set(own, new Map([...clients].map((client) => [client, own(client)])));
  return () => {
    const closings = listeners.get(own);
    listeners.delete(own);
    for (const closing of closings?.values() ?? []) closing();
  };
}

/** Adds those of a client; returns what removes them when it closes. */
export function addMeasures(namespace: string, measures: Measures, gauges: () => Gauges): () => void {
  const { clients, names, listeners } = known();
  if (names.size < mostNames) names.add(namespace);
  const added = { name: names.has(namespace) ? namespace : otherName, measures, gauges };
  clients.add(added);
  for (const [listener, closings] of listeners) closings.set(added, listener(added));
  return () => {
    clients.delete(added);
    for (const closings of listeners.values()) {
      closings.get(added)?.();
      closings.delete(added);
    }
  };
}

function known(): Known {
  return onePerProcess('measures', () => ({ clients: new Set(), names: new Set(), listeners: new Map() }));
}
