// Builds what is deployed: out/app/ (one bundle, host.json, package.json) and out/app.zip.
// Used by `npm run package`, the local stack and the tests. Writes below its output directory only.

import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { build } from 'esbuild';
import { zipSync, type Zippable } from 'fflate';

const root = join(import.meta.dirname, '..');

export interface PackagedApp {
  /** The folder that a Functions host runs. */
  readonly appDirectory: string;
  readonly zipPath: string;
  readonly zipBytes: number;
}

/** Packages the app. The result needs no `node_modules`. */
export async function packageApp(options: { readonly outDirectory?: string } = {}): Promise<PackagedApp> {
  const outDirectory = options.outDirectory ?? join(root, 'out');
  const appDirectory = join(outDirectory, 'app');
  const zipPath = join(outDirectory, 'app.zip');
  await rm(appDirectory, { recursive: true, force: true });
  await mkdir(appDirectory, { recursive: true });

  await bundle(appDirectory);
  await writeFile(join(appDirectory, 'host.json'), await readFile(join(root, 'host.json')));
  await writeFile(join(appDirectory, 'package.json'), await deployedManifest());

  const zip = zipSync(await filesOf(appDirectory), { level: 9, mtime: '1980-01-01T00:00:00' });
  await writeFile(zipPath, zip);
  return { appDirectory, zipPath, zipBytes: zip.length };
}

async function bundle(appDirectory: string): Promise<void> {
  const { version } = await manifest();
  await build({
    define: { APP_VERSION: JSON.stringify(version) },
    absWorkingDir: root,
    entryPoints: { main: 'src/main.ts' },
    outdir: appDirectory,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    // What is imported dynamically is a file of its own, loaded on first use: the storage SDK.
    splitting: true,
    chunkNames: '[name]-[hash]',
    platform: 'node',
    format: 'esm',
    target: 'node22',
    minify: true,
    // Class and function names appear in errors that people read.
    keepNames: true,
    legalComments: 'none',
    // The Functions worker supplies this module through `require`
    // (https://github.com/Azure/azure-functions-nodejs-worker/blob/v4.x/src/setupCoreModule.ts).
    external: ['@azure/functions-core'],
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
    logLevel: 'warning',
  });
}

async function manifest(): Promise<Record<'name' | 'version' | 'description' | 'license', string>> {
  return JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as Awaited<
    ReturnType<typeof manifest>
  >;
}

/** No dependencies and no scripts: a host or a build service that finds some would install them. */
async function deployedManifest(): Promise<string> {
  const { name, version, description, license } = await manifest();
  const deployed = { name, version, description, license, private: true, type: 'module', main: 'main.mjs' };
  return `${JSON.stringify(deployed, null, 2)}\n`;
}

async function filesOf(directory: string): Promise<Zippable> {
  const files: Zippable = {};
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  for (const path of paths.toSorted()) {
    files[relative(directory, path).split(sep).join('/')] = await readFile(path);
  }
  return files;
}

if (import.meta.main) {
  const startedAtMs = Date.now();
  const { appDirectory, zipPath, zipBytes } = await packageApp();
  const kibibytes = (zipBytes / 1024).toFixed(0);
  console.log(
    `Packaged ${relative(root, appDirectory)}/ and ${relative(root, zipPath)} (${kibibytes} KiB) in ${Date.now() - startedAtMs} ms`,
  );
}
