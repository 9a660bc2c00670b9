// Builds the four apps that bench/cold-start.ts compares, each a folder that the local host runs.
// All are built below out/bench/. Measures nothing.

import { execFile } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { packageApp } from '../../scripts/package.ts';
import { buildByHand, finishApp } from '../support/by-hand.ts';

const root = join(import.meta.dirname, '../..');
const outDirectory = join(root, 'out/bench');

export const appNames = ['package', 'unbundled', 'minimum', 'empty'] as const;
export type AppName = (typeof appNames)[number];

/** Resolves to the folder of each. */
export async function buildApps(): Promise<Readonly<Record<AppName, string>>> {
  await rm(outDirectory, { recursive: true, force: true });
  const [{ appDirectory }, unbundled, minimum, empty] = await Promise.all([
    packageApp({ outDirectory: join(outDirectory, 'package') }),
    buildUnbundled(),
    buildByHand('bench/cold-start/minimum.ts', join(outDirectory, 'minimum')),
    buildByHand('bench/cold-start/empty.ts', join(outDirectory, 'empty')),
  ]);
  return { package: appDirectory, unbundled, minimum, empty };
}

/** The same sources as JavaScript, a file each, with what they import in `node_modules`. */
async function buildUnbundled(): Promise<string> {
  const directory = join(outDirectory, 'unbundled');
  const flags = ['--noEmit', 'false', '--rewriteRelativeImportExtensions', '--noCheck'];
  const sources = join(root, 'src');
  await mkdir(directory, { recursive: true });
  const config = { extends: join(root, 'tsconfig.json'), include: [sources] };
  const configPath = join(directory, 'tsconfig.json');
  await writeFile(configPath, JSON.stringify(config));
  const outputs = ['--rootDir', sources, '--outDir', join(directory, 'src')];
  await promisify(execFile)(join(root, 'node_modules/.bin/tsc'), ['-p', configPath, ...flags, ...outputs]);
  // What the bundler puts in.
  await writeFile(
    join(directory, 'main.js'),
    "globalThis.APP_VERSION = '0.0.0';\nawait import('./src/main.js');\n",
  );
  return finishApp(directory, 'main.js');
}
