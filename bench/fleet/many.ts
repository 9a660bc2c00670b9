// Many instances in one process, and the peak of what they do at once.

import type { AnyStack } from '../../local/stack.ts';
import { sleep } from '../../test/support/eventually.ts';
import {
  startFleetInstance,
  type FleetInstance,
  type FleetInstanceOptions,
} from '../../test/support/fleet-instance.ts';

export async function startFleet(
  stack: AnyStack,
  size: number,
  optionsOf: (index: number) => FleetInstanceOptions,
): Promise<readonly FleetInstance[]> {
  const fleet: FleetInstance[] = [];
  for (let index = 0; index < size; index += 1) {
    fleet.push(startFleetInstance(stack, `instance-${index}`, optionsOf(index)));
    if (index % 20 === 19) await sleep(100);
  }
  return fleet;
}

export async function stopFleet(fleet: readonly FleetInstance[]): Promise<void> {
  await Promise.all(fleet.map(async (one) => one[Symbol.asyncDispose]()));
}

/** The most of `timesMs` within any window. */
export function peak(timesMs: readonly number[], windowMs: number): number {
  const sorted = timesMs.toSorted((a, b) => a - b);
  let most = 0;
  let from = 0;
  for (const [index, atMs] of sorted.entries()) {
    while ((sorted[from] ?? atMs) <= atMs - windowMs) from += 1;
    most = Math.max(most, index - from + 1);
  }
  return most;
}
