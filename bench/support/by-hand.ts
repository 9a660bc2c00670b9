// Bundles a function app of one file, as anybody would, with no special care. Used by the benches.
// Knows no app.

import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';

const root = join(import.meta.dirname, '../..');

/** Resolves to `directory`, which the local host can run. */
export async function buildByHand(entryPoint: string, directory: string): Promise<string> {
  await build({
    absWorkingDir: root,
    entryPoints: { main: entryPoint },
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
  return finishApp(directory, 'main.mjs');
}

/** What makes an app of a folder. */
export async function finishApp(directory: string, main: string): Promise<string> {
  await writeFile(join(directory, 'package.json'), JSON.stringify({ type: 'module', main }));
  await copyFile(join(root, 'host.json'), join(directory, 'host.json'));
  return directory;
}
