// Builds what is deployed: out/app/ and out/app.zip, the same bytes from the same input; source maps beside them.
// Used by `npm run package`, the local stack and the tests. Writes below its output directory only.

import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { zipSync, type Zippable } from 'fflate';
import { bundle } from './package/bundle.ts';
import { thirdPartyLicences } from './package/licences.ts';

const root = join(import.meta.dirname, '..');

export interface PackagedApp {
  /** The folder that a Functions host runs. */
  readonly appDirectory: string;
  readonly zipPath: string;
  readonly zipBytes: number;
}

export interface PackageOptions {
  /** `out` unless another is named. */
  readonly outDirectory?: string;
  /** A larger zip is an error; 1200 unless said otherwise. */
  readonly budgetKibibytes?: number;
}

/** Packages the app. The result needs no `node_modules`. */
export async function packageApp(options: PackageOptions = {}): Promise<PackagedApp> {
  const { outDirectory = join(root, 'out'), budgetKibibytes = 1200 } = options;
  const appDirectory = join(outDirectory, 'app');
  const zipPath = join(outDirectory, 'app.zip');

  const manifest = await readManifest();
  const { files, sourceMaps, inputs } = await bundle(root, manifest.version);
  const deployed = new Map<string, Uint8Array>([
    ...files,
    ['LICENSE', await readFile(join(root, 'LICENSE'))],
    ['THIRD-PARTY-LICENSES.txt', Buffer.from(await thirdPartyLicences(root, inputs))],
    ['host.json', await readFile(join(root, 'host.json'))],
    ['package.json', Buffer.from(deployedManifest(manifest))],
  ]);
  const zip = zipOf(deployed);
  if (zip.length > budgetKibibytes * 1024) {
    throw new Error(overBudget(zip.length, budgetKibibytes, deployed));
  }

  await writeFolder(appDirectory, deployed);
  await writeFolder(join(outDirectory, 'source-maps'), sourceMaps);
  await writeFile(zipPath, zip);
  return { appDirectory, zipPath, zipBytes: zip.length };
}

type Manifest = Record<'name' | 'version' | 'description' | 'license', string>;

async function readManifest(): Promise<Manifest> {
  return JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as Manifest;
}

/** No dependencies and no scripts: a host or a build service that finds some would install them. */
function deployedManifest({ name, version, description, license }: Manifest): string {
  const deployed = { name, version, description, license, private: true, type: 'module', main: 'main.mjs' };
  return `${JSON.stringify(deployed, null, 2)}\n`;
}

/** Sorted, and every file of the same date: the bytes depend on the content alone. */
function zipOf(files: ReadonlyMap<string, Uint8Array>): Uint8Array {
  const entries: Zippable = Object.fromEntries([...files].toSorted(([a], [b]) => (a < b ? -1 : 1)));
  return zipSync(entries, { level: 9, mtime: '1980-01-01T00:00:00' });
}

function overBudget(
  zipBytes: number,
  budgetKibibytes: number,
  files: ReadonlyMap<string, Uint8Array>,
): string {
  const largest = [...files]
    .toSorted(([, a], [, b]) => b.length - a.length)
    .slice(0, 5)
    .map(([name, { length }]) => `${name} ${kibibytes(length)} KiB`);
  return `The zip has ${kibibytes(zipBytes)} KiB and may have ${budgetKibibytes}. The largest, unzipped: ${largest.join(', ')}.`;
}

async function writeFolder(directory: string, files: ReadonlyMap<string, Uint8Array>): Promise<void> {
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true });
  for (const [name, content] of files) await writeFile(join(directory, name), content);
}

function kibibytes(bytes: number): string {
  return (bytes / 1024).toFixed(0);
}

if (import.meta.main) {
  const startedAtMs = Date.now();
  const { appDirectory, zipPath, zipBytes } = await packageApp();
  console.log(
    `Packaged ${relative(root, appDirectory)}/ and ${relative(root, zipPath)} (${kibibytes(zipBytes)} KiB) in ${Date.now() - startedAtMs} ms`,
  );
}
