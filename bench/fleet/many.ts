// Many instances in one process, and the peak of what they do at once.

import { sleep } from '../../test/support/eventually.ts';
import type { CacheOfStack } from '../../test/support/shared-client.ts';
import {
  startFleetInstance,
  type FleetInstance,
  type FleetInstanceOptions,
} from '../../test/support/fleet-instance.ts';

export async function startFleet(
  stack: CacheOfStack,
  size: number,
  optionsOf: (index: number) => FleetInstanceOptions & { readonly id?: string },
): Promise<readonly FleetInstance[]> {
  const fleet: FleetInstance[] = [];
  for (let index = 0; index < size; index += 1) {
    const { id = `instance-${index}`, ...options } = optionsOf(index);
    fleet.push(startFleetInstance(stack, id, options));
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
