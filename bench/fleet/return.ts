// Redis is killed, and started again half a minute later: how a fleet knocks meanwhile, and how it comes back.

import type { AnyStack } from '../../local/stack.ts';
import { sleep } from '../../test/support/eventually.ts';
import type { FleetInstance } from '../../test/support/fleet-instance.ts';
import { peak, startFleet, stopFleet } from './many.ts';

const awayMs = 30_000;
/** Until one busy process has noticed the loss of all its connections, and tried each once. */
const firstTryMs = 1000;

export async function measureReturn(stack: AnyStack, size: number): Promise<void> {
  stack.identity.forget();
  const fleet = await startFleet(stack, size, { namespace: 'return' });
  try {
    await until(() => fleet.every(({ redis }) => redis.status().connections === 2));
    const before = stack.front.stats;
    const attemptsBefore = before.connectionsAccepted + before.refused;
    const attempts: number[] = [];
    let seen = attemptsBefore;
    const sampleMs = 10;
    const watch = setInterval(() => {
      const { connectionsAccepted, refused } = stack.front.stats;
      for (; seen < connectionsAccepted + refused; seen += 1) attempts.push(Date.now());
    }, sampleMs);
    const linesBefore = lines(fleet);
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
    clearInterval(watch);
    const between = (fromMs: number, toMs: number): number[] =>
      attempts.filter((atMs) => atMs >= fromMs && atMs < toMs);
    const cells = [
      size,
      peak(between(killedAtMs, killedAtMs + firstTryMs), 100),
      peak(between(killedAtMs + firstTryMs, backAtMs), 100),
      (between(backAtMs - 10_000, backAtMs).length / 10).toFixed(0),
      peak(between(backAtMs, Infinity), 100),
      `${(lastReadyMs / 1000).toFixed(1)} s`,
      `${(lastMs / 1000).toFixed(1)} s`,
      lines(fleet) - linesBefore,
    ];
    console.log(`\nRedis is away for ${awayMs / 1000} s:\n`);
    console.log(
      '| instances | attempts in 100 ms at the loss | while away | a second at the end | handshakes in 100 ms when back | last serves | last listens | events to log |',
    );
    console.log('|---|---|---|---|---|---|---|---|');
    console.log(`| ${cells.join(' | ')} |`);
  } finally {
    await stopFleet(fleet);
  }
}

/** What would be a log line each. */
function lines(fleet: readonly FleetInstance[]): number {
  return fleet.reduce((total, { events }) => total + events.length, 0);
}

async function until(done: () => boolean): Promise<void> {
  while (!done()) await sleep(10);
}
