// A part of a fleet in a process of its own, told by environment and messages. Started by return.ts.

import { systemClock as clock } from '../../src/util/clock.ts';
import { eventLog } from '../../src/telemetry/log.ts';
import { startFleet, stopFleet } from './many.ts';

export interface WorkerState {
  /** How many can be asked, and how many hear announcements as well. */
  readonly ready: number;
  readonly listening: number;
  readonly events: number;
  /** Of the log, since the last time. */
  readonly lines: readonly Line[];
  /** How many answered the roll call that this process called. */
  readonly answered: number | undefined;
}

export interface Line {
  readonly atMs: number;
  readonly event: string;
}

const tellEveryMs = 20;
const [name = '', size = ''] = process.argv.slice(2);
let lines: Line[] = [];
let events = 0;
let answered: number | undefined;

const note = (line: string): void => {
  lines.push({ atMs: Date.now(), event: /^\w+/u.exec(line)?.[0] ?? '' });
};
const fleet = await startFleet(
  { settingsFor: () => process.env as Record<string, string> },
  Number(size),
  (index) => {
    const log = eventLog({ info: note, warn: note, error: note }, { clock, random: Math.random });
    return {
      namespace: 'return',
      id: `${name}-${index}`,
      listener(event) {
        events += 1;
        log(event);
      },
    };
  },
);
process.on('message', () => {
  void fleet[0]?.rollCall.call(null).then((rollCall) => (answered = rollCall.answered));
});
const telling = setInterval(() => {
  const status = fleet.map(({ redis }) => redis.status());
  const state: WorkerState = {
    ready: status.filter((one) => one.state === 'ready').length,
    listening: status.filter(({ connections }) => connections === 2).length,
    events,
    lines,
    answered,
  };
  lines = [];
  process.send?.(state);
}, tellEveryMs);
process.on('disconnect', () => {
  clearInterval(telling);
  void stopFleet(fleet).then(() => process.exit());
});
