// Builds the four apps that bench/cold-start.ts compares, each a folder that the local host runs.
// All are built below out/bench/. Measures nothing.

import { execFile } from 'node:child_process';
import { copyFile, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { packageApp } from '../../scripts/package.ts';

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
    buildByHand('minimum'),
    buildByHand('empty'),
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
  return finish(directory, 'main.js');
}

/** Bundled as anybody would, with no special care. */
async function buildByHand(name: 'minimum' | 'empty'): Promise<string> {
  const directory = join(outDirectory, name);
  await build({
    absWorkingDir: root,
    entryPoints: { main: `bench/cold-start/${name}.ts` },
    outdir: directory,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    platform: 'node',
    format: 'esm',
    target: 'node22',
    minify: true,
    external: ['@azure/functions-core'],
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
    logLevel: 'warning',
  });
  return finish(directory, 'main.mjs');
}

async function finish(directory: string, main: string): Promise<string> {
  await writeFile(join(directory, 'package.json'), JSON.stringify({ type: 'module', main }));
  await copyFile(join(root, 'host.json'), join(directory, 'host.json'));
  return directory;
}
