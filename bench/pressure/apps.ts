// Builds the two apps that bench/pressure.ts compares, each a folder below out/bench/ that the local host runs.
// Measures nothing.

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { packageApp } from '../../scripts/package.ts';
import { buildByHand } from '../support/by-hand.ts';

export type AppName = 'package' | 'byHand';

/** Resolves to the folder of each. */
export async function buildApps(): Promise<Readonly<Record<AppName, string>>> {
  const outDirectory = join(import.meta.dirname, '../../out/bench/pressure');
  await rm(outDirectory, { recursive: true, force: true });
  const [{ appDirectory }, byHand] = await Promise.all([
    packageApp({ outDirectory: join(outDirectory, 'package') }),
    buildByHand('bench/pressure/by-hand.ts', join(outDirectory, 'by-hand')),
  ]);
  return { package: appDirectory, byHand };
}
