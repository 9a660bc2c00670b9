// Builds the app as it is, and as it was before it measured anything. Both below out/bench/. Measures nothing.

import { execFile } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { packageApp } from '../../scripts/package.ts';
import type * as packaging from '../../scripts/package/bundle.ts';
import { finishApp } from '../support/by-hand.ts';

const root = join(import.meta.dirname, '../..');
const outDirectory = join(root, 'out/bench');
const run = promisify(execFile);

export interface Apps {
  readonly now: string;
  /** Undefined where the clone does not have that commit. */
  readonly before: string | undefined;
  readonly zipBytes: number;
}

/** @param commit the one to compare with. */
export async function buildApps(commit: string): Promise<Apps> {
  const { appDirectory, zipBytes } = await packageApp({ outDirectory: join(outDirectory, 'now') });
  return { now: appDirectory, before: await buildOf(commit), zipBytes };
}

async function buildOf(commit: string): Promise<string | undefined> {
  const sources = join(outDirectory, 'before/sources');
  const directory = join(outDirectory, 'before/app');
  await rm(join(outDirectory, 'before'), { recursive: true, force: true });
  await mkdir(sources, { recursive: true });
  await mkdir(directory);
  const archive = join(sources, 'sources.tar');
  try {
    await run('git', ['archive', '-o', archive, commit, 'src', 'scripts', 'tsconfig.json'], { cwd: root });
  } catch (error) {
    console.log(`telemetry: commit ${commit} cannot be compared with: ${String(error)}`);
    return undefined;
  }
  await run('tar', ['-xf', archive, '-C', sources]);
  // As it was packaged then.
  const its = (await import(join(sources, 'scripts/package/bundle.ts'))) as typeof packaging;
  const { files } = await its.bundle(sources, '0.0.0');
  for (const [name, content] of files) await writeFile(join(directory, name), content);
  return finishApp(directory, 'main.mjs');
}
