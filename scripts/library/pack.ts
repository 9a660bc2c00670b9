// The tarball that `npm publish` would send, made aside of the clone. Used by `npm run check` and the tests.

import { execFile } from 'node:child_process';
import { cp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { buildLibrary, type BuiltLibrary } from '../library.ts';

const root = join(import.meta.dirname, '../..');

export interface PackedLibrary extends BuiltLibrary {
  readonly tarballPath: string;
  /** Of the files in the tarball, sorted. */
  readonly files: readonly string[];
}

/** @param directory is made, and holds the tarball and the files that are in it. */
export async function packLibrary(directory: string): Promise<PackedLibrary> {
  const staged = join(directory, 'package');
  await rm(staged, { recursive: true, force: true });
  const built = await buildLibrary(join(staged, 'dist'));
  // What npm takes besides, by package.json and by its own rules.
  for (const name of ['package.json', 'README.md', 'LICENSE', ...(await otherFiles())]) {
    await cp(join(root, name), join(staged, name), { recursive: true });
  }
  const pack = ['pack', '--ignore-scripts', '--json', '--pack-destination', directory];
  const { stdout } = await promisify(execFile)('npm', pack, { cwd: staged });
  const [packed] = JSON.parse(stdout) as { filename: string; files: { path: string }[] }[];
  if (packed === undefined) throw new Error('npm pack said nothing of what it packed.');
  const files = packed.files.map(({ path }) => path).toSorted();
  return { ...built, tarballPath: join(directory, packed.filename), files };
}

async function otherFiles(): Promise<readonly string[]> {
  const { files } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { files: string[] };
  return files.filter((name) => name !== 'dist');
}
