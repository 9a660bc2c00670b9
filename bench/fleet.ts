// What a fleet costs as it grows: 50 to 400 instances in one process, each with its own client and token keeper, on a
// real Redis. One roll call in which every token is due, one in which none is; then Redis is away for half a minute.

import { dueAtMs } from '../src/auth/refresh-policy.ts';
import { startStack } from '../local/stack.ts';
import { silentClock } from '../test/support/fleet-instance.ts';
import { peak, startFleet, stopFleet } from './fleet/many.ts';
import { measureReturn } from './fleet/return.ts';
import { adoptStack } from '../test/support/shared-client.ts';
import { sleep } from '../test/support/eventually.ts';

const sizes = [50, 100, 200, 400];
const tokenLifetimeMs = 60_000;
const spreadMs = 2000;

interface Row {
  readonly size: number;
  readonly rotatedAll: boolean;
  readonly seconds: number;
  readonly peakAuths: number;
  readonly commands: number;
  readonly bytes: number;
}

const stack = await startStack({ tokenLifetimeMs, storage: false });
try {
  adoptStack(stack);
  const rows: Row[] = [];
  for (const size of sizes) rows.push(await measure(size));

  console.log(
    '| instances | rotated | roll call | peak AUTHs in 100 ms | commands / instance | bytes / instance |',
  );
  console.log('|---|---|---|---|---|---|');
  for (const { size, rotatedAll, seconds, peakAuths, commands, bytes } of rows) {
    const cells = [
      size,
      rotatedAll ? 'all' : 'NOT all',
      `${seconds.toFixed(1)} s`,
      peakAuths,
      commands.toFixed(2),
      bytes.toFixed(0),
    ];
    console.log(`| ${cells.join(' | ')} |`);
  }
  const [first] = rows;
  const last = rows.at(-1);
  if (first !== undefined && last !== undefined) {
    const commands = (last.commands / first.commands).toFixed(2);
    const bytes = (last.bytes / first.bytes).toFixed(2);
    console.log(
      `Cost per instance, ${last.size} / ${first.size} instances: commands ${commands}, bytes ${bytes}`,
    );
  }
  stack.identity.setTokenLifetimeMs(600_000);
  await measureReturn(stack, 400);
} finally {
  await stack.stop();
}

async function measure(size: number): Promise<Row> {
  stack.identity.forget();
  const acceptedBefore = stack.front.stats.connectionsAccepted;
  const options = { namespace: `bench${size}`, keeperClock: silentClock, spreadMs, graceMs: 8000 };
  const fleet = await startFleet(stack, size, () => options);
  try {
    const announcer = fleet[0];
    if (announcer === undefined) throw new Error('An empty fleet.');
    while ((await announcer.registry.read(Date.now() + 5000)).entries.length < size) await sleep(100);

    const dueMs = Math.max(...fleet.map(({ keeper }) => dueAtMs(keeper.current() ?? fail())));
    await sleep(Math.max(dueMs + 100 - Date.now(), 0));
    const startedAtMs = Date.now();
    const due = await announcer.rollCall.call(null);
    const seconds = (Date.now() - startedAtMs) / 1000;
    const auths = stack.front.connections
      .filter(({ id }) => id > acceptedBefore)
      .flatMap((connection) => connection.auths.filter(({ command }) => command === 'AUTH'))
      .map(({ atMs }) => atMs);

    // Without rotations, for the front's own bookkeeping in Redis is none of the fleet's cost.
    await sleep(1500);
    const before = await totals();
    await announcer.rollCall.call(null);
    const after = await totals();
    return {
      size,
      // Each on its connection for commands and on the one that hears announcements.
      rotatedAll: due.rotated === size && auths.length === 2 * size,
      seconds,
      peakAuths: peak(auths, 100),
      commands: (after.commands - before.commands) / size,
      bytes: (after.bytes - before.bytes) / size,
    };
  } finally {
    await stopFleet(fleet);
  }
}

function fail(): never {
  throw new Error('An instance has no token.');
}

async function totals(): Promise<{ commands: number; bytes: number }> {
  const info = String(await stack.redis.admin('INFO', 'stats'));
  const read = (name: string): number => Number(new RegExp(`${name}:(\\d+)`, 'u').exec(info)?.[1] ?? 0);
  return {
    commands: read('total_commands_processed'),
    bytes: read('total_net_input_bytes') + read('total_net_output_bytes'),
  };
}
