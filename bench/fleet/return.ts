// Redis is killed, and started again half a minute later: how a fleet knocks meanwhile, how it comes back, and what all
// its instances together write into the log.

import { setTimeout as sleep } from 'node:timers/promises';
import type { AnyStack } from '../../local/stack.ts';
import { systemClock as clock } from '../../src/clock.ts';
import { eventLog } from '../../src/telemetry/log.ts';
import { peak, startFleet, stopFleet } from './many.ts';

const awayMs = 30_000;
/** Until one busy process has noticed the loss of all its connections, and tried each once. */
const firstTryMs = 1000;
/** The log is watched for so long after the last is back: what is held back comes later. */
const logAfterMs = 10_000;
const sampleMs = 10;

export async function measureReturn(stack: AnyStack, size: number): Promise<void> {
  stack.identity.forget();
  const lines: { readonly atMs: number; readonly event: string }[] = [];
  let events = 0;
  const note = (line: string): void => {
    lines.push({ atMs: Date.now(), event: /^\w+/u.exec(line)?.[0] ?? '' });
  };
  const fleet = await startFleet(stack, size, () => {
    const log = eventLog({ info: note, warn: note, error: note }, { clock, random: Math.random });
    return {
      namespace: 'return',
      listener(event) {
        events += 1;
        log(event);
      },
    };
  });
  try {
    await until(() => fleet.every(({ redis }) => redis.status().connections === 2));
    // From a roll call each hears how many there are, and so its share of the log.
    const rollCall = await fleet[0]?.rollCall.call(null);
    if (rollCall?.answered !== size)
      throw new Error(`The roll call reached ${rollCall?.answered} of ${size}.`);
    const connects = watch(() => stack.front.stats.refused);
    const handshakes = watch(() => stack.front.stats.connectionsAccepted);
    const eventsBefore = events;
    const killedAtMs = Date.now();
    await stack.redis.kill();
    stack.front.setBehaviour('refuse');
    stack.front.cutAll();
    await sleep(awayMs);
    await stack.redis.restart();
    stack.front.setBehaviour('normal');
    const backAtMs = Date.now();
    await until(() => fleet.every(({ redis }) => redis.status().state === 'ready'));
    const lastReadyMs = Date.now() - backAtMs;
    await until(() => fleet.every(({ redis }) => redis.status().connections === 2));
    const lastMs = Date.now() - backAtMs;
    await sleep(logAfterMs);
    const refused = connects.stop();
    const accepted = handshakes.stop();
    const away = { fromMs: killedAtMs + firstTryMs, toMs: backAtMs };
    table(`Redis is away for ${awayMs / 1000} s`, {
      instances: size,
      'refused connects in 100 ms, at the loss': peak(within(refused, killedAtMs, away.fromMs), 100),
      'later on': peak(within(refused, away.fromMs, away.toMs), 100),
      'a second at the end': (within(refused, backAtMs - 10_000, backAtMs).length / 10).toFixed(0),
      'handshakes in 100 ms when back': peak(accepted, 100),
      'last serves': `${(lastReadyMs / 1000).toFixed(1)} s`,
      'last listens': `${(lastMs / 1000).toFixed(1)} s`,
    });
    const writtenAtMs = lines.map(({ atMs }) => atMs).filter((atMs) => atMs >= killedAtMs);
    const seconds = (Date.now() - killedAtMs) / 1000;
    const byEvent = Map.groupBy(
      lines.filter(({ atMs }) => atMs >= killedAtMs),
      ({ event }) => event,
    );
    table(`The log of all ${size} together, from the loss to ${logAfterMs / 1000} s after the last is back`, {
      events: events - eventsBefore,
      lines: writtenAtMs.length,
      'lines a second': (writtenAtMs.length / seconds).toFixed(1),
      'in the first second': within(writtenAtMs, killedAtMs, killedAtMs + 1000).length,
      'in the busiest': peak(writtenAtMs, 1000),
      'by event': [...byEvent].map(([event, { length }]) => `${length} ${event}`).join(', '),
    });
  } finally {
    await stopFleet(fleet);
  }
}

/** When `count` went up, each time. */
function watch(count: () => number): { stop(): readonly number[] } {
  const timesMs: number[] = [];
  let seen = count();
  const timer = setInterval(() => {
    for (const now = count(); seen < now; seen += 1) timesMs.push(Date.now());
  }, sampleMs);
  return {
    stop() {
      clearInterval(timer);
      return timesMs;
    },
  };
}

function within(timesMs: readonly number[], fromMs: number, toMs: number): readonly number[] {
  return timesMs.filter((atMs) => atMs >= fromMs && atMs < toMs);
}

function table(title: string, cells: Readonly<Record<string, string | number>>): void {
  const names = Object.keys(cells);
  console.log(`\n${title}:\n`);
  console.log(`| ${names.join(' | ')} |`);
  console.log(`|${names.map(() => '---|').join('')}`);
  console.log(`| ${Object.values(cells).join(' | ')} |`);
}

async function until(done: () => boolean): Promise<void> {
  while (!done()) await sleep(10);
}
