// What the clients of one name have counted, those that have closed among them: a counter never goes back.

import type { ClientMeasures, Gauges } from '../all-measures.ts';
import { eventKinds, readKinds, type Counts, type EventKind, type ReadKind } from '../measures.ts';

export class Totals {
  readonly reads = zeros(readKinds);
  readonly events = zeros(eventKinds);
  reauthenticated = 0;
  reauthenticationsFailed = 0;

  add({ measures, gauges }: Pick<ClientMeasures, 'measures' | 'gauges'>): Gauges {
    for (const kind of readKinds) this.reads[kind] += measures.reads[kind];
    for (const kind of eventKinds) this.events[kind] += measures.events[kind];
    const now = gauges();
    this.reauthenticated += now.reauthenticated;
    this.reauthenticationsFailed += now.reauthenticationsFailed;
    return now;
  }

  plus(open: Iterable<ClientMeasures>): { readonly totals: Totals; readonly gauges: readonly Gauges[] } {
    const totals = new Totals();
    for (const kind of readKinds) totals.reads[kind] = this.reads[kind];
    for (const kind of eventKinds) totals.events[kind] = this.events[kind];
    totals.reauthenticated = this.reauthenticated;
    totals.reauthenticationsFailed = this.reauthenticationsFailed;
    return { totals, gauges: [...open].map((client) => totals.add(client)) };
  }
}

function zeros<K extends ReadKind | EventKind>(names: readonly K[]): Counts<K> {
  return Object.fromEntries(names.map((name) => [name, 0])) as Counts<K>;
}
