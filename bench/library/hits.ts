// What getOrSet takes on a hit: three libraries in one process, in turn; from Redis, or from memory where it is told so.

import { setTimeout as sleep } from 'node:timers/promises';
import { median } from '../support/median.ts';
import { concurrently, timed } from '../support/timing.ts';
import { connect, contestantNames, type Contestant, type ContestantName, type Tiers } from './contestants.ts';

const rounds = 9;
// Not counted: until then the compiler is at work, and most of all on the first size.
const warmupRounds = 8;
const slicesPerRound = 8;
const width = 64;
const ours = 'redis-entra-functions';
const tiers: Tiers = process.argv[2] === 'memory' ? 'memory' : 'redis';
const label = tiers === 'memory' ? 'tiers: hits in memory' : 'library: hits';
// One from memory takes far less time. All of a slice may be served in one turn of the event loop.
const [timesSmall, timesLarge] = tiers === 'memory' ? [20, 4] : [1, 1];
// A process that serves requests turns its event loop between them; what reads from memory alone does not.
const turnsMs = 30;

async function measureHits(bytes: number): Promise<void> {
  const readsPerSlice = bytes > 10_000 ? 150 * timesLarge : 400 * timesSmall;
  const contestants = new Map<ContestantName, Contestant>();
  const lifetime = { ttlSeconds: 3600, staleSeconds: 3600 };
  for (const name of contestantNames) contestants.set(name, await connect(name, lifetime, tiers));
  const never = async () => Promise.reject(new Error('It should have been there.'));
  const keyOf = (index: number): string => `${bytes} bytes, ${index % 100}`;
  let turns = 0;
  const each = async (work: (name: ContestantName, contestant: Contestant) => Promise<void>) => {
    // Each is now the first and now the last: what one leaves to the garbage collector falls on the next.
    const order = (turns += 1) % 2 === 0 ? contestantNames : contestantNames.toReversed();
    for (const name of order) {
      const contestant = contestants.get(name);
      if (contestant !== undefined) await work(name, contestant);
    }
  };
  await each(async (_, contestant) => {
    for (let index = 0; index < 100; index += 1) {
      await contestant.getOrSet(keyOf(index), async () => ({ index, text: 'x'.repeat(bytes) }));
    }
  });
  const rates = new Map<ContestantName, number[]>(contestantNames.map((name) => [name, []]));
  /** For a second of processor time: what else the machine does changes it little. */
  const ratesOfCpu = new Map<ContestantName, number[]>(contestantNames.map((name) => [name, []]));
  for (let round = -warmupRounds; round < rounds; round += 1) {
    const tookMs = new Map<ContestantName, number>();
    const cpuMs = new Map<ContestantName, number>();
    // In slices in turn, so that what else the machine does meets all alike.
    for (let slice = 0; slice < slicesPerRound; slice += 1) {
      await each(async (name, contestant) => {
        const read = (index: number) => contestant.getOrSet(keyOf(index), never);
        if (tiers === 'memory') await sleep(turnsMs);
        const before = process.cpuUsage();
        const sliceMs = await timed(() => concurrently(readsPerSlice, width, read));
        const { user, system } = process.cpuUsage(before);
        tookMs.set(name, (tookMs.get(name) ?? 0) + sliceMs);
        cpuMs.set(name, (cpuMs.get(name) ?? 0) + (user + system) / 1000);
      });
    }
    if (round < 0) continue;
    for (const [name, ms] of tookMs) rates.get(name)?.push((slicesPerRound * readsPerSlice * 1000) / ms);
    for (const [name, ms] of cpuMs) ratesOfCpu.get(name)?.push((slicesPerRound * readsPerSlice * 1000) / ms);
  }
  await each(async (_, contestant) => contestant.stop());
  for (const name of contestantNames) {
    const values = rates.get(name) ?? [];
    const beside =
      name === ours
        ? ''
        : `; ${ours} / ${name} = ${ratio(rates, name)}, for the same processor time ${ratio(ratesOfCpu, name)}`;
    console.log(`${label} of ${bytes} B: ${name} ${median(values).toFixed(0)} reads/s${beside}`);
  }
}

/** Ours to another's, round by round. */
function ratio(rates: ReadonlyMap<ContestantName, readonly number[]>, name: ContestantName): string {
  const others = rates.get(name) ?? [];
  return median((rates.get(ours) ?? []).map((rate, round) => rate / (others[round] ?? Number.NaN))).toFixed(
    2,
  );
}

for (const bytes of [100, 1024, 64 * 1024]) await measureHits(bytes);
process.disconnect();
