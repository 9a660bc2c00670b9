// The package as others install it: packed once for all tests of a run, and installed in folders outside of the clone.

import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { inject } from 'vitest';
import { packLibrary as pack } from '../../scripts/library/pack.ts';
import { eventually } from './eventually.ts';

export interface PackedLibrary {
  readonly tarballPath: string;
  /** Of the files in the tarball, sorted. */
  readonly files: readonly string[];
  /** The public surface of each entry, by its name. */
  readonly reports: Readonly<Record<string, string>>;
}

const run = promisify(execFile);
const clone = join(import.meta.dirname, '../..');

/** Whichever test asks first packs; those of other workers wait for it. */
export async function packLibrary(): Promise<PackedLibrary> {
  const directory = inject('libraryDirectory');
  const outcomePath = join(directory, 'outcome.json');
  const isFirst = (await mkdir(join(directory, 'packed'), { recursive: true })) !== undefined;
  if (isFirst) {
    const outcome = await pack(join(directory, 'packed')).then(
      ({ tarballPath, files, reports }) => ({ tarballPath, files, reports: Object.fromEntries(reports) }),
      (error: unknown) => ({ failure: String(error) }),
    );
    await writeFile(`${outcomePath}.part`, JSON.stringify(outcome));
    // It is there when it is whole.
    await rename(`${outcomePath}.part`, outcomePath);
  }
  const text = await eventually(async () => readFile(outcomePath, 'utf8'), 120_000);
  const outcome = JSON.parse(text) as PackedLibrary | { readonly failure: string };
  if ('failure' in outcome) throw new Error(outcome.failure);
  return outcome;
}

/** A folder outside of the clone where the package is, or can be, installed. */
export interface UserFolder extends AsyncDisposable {
  readonly path: string;
  /** Writes files, by their path in the folder. */
  write(files: Readonly<Record<string, string>>): Promise<void>;
}

/** @param packages what the user has installed beside it, each as the clone has it, with all that it needs. */
export async function installLibrary(packages: readonly string[]): Promise<UserFolder> {
  const { tarballPath } = await packLibrary();
  const user = await userFolder();
  const { path } = user;
  const installed = join(path, 'node_modules/redis-entra-functions');
  await mkdir(installed, { recursive: true });
  await run('tar', ['-xzf', tarballPath, '--strip-components=1', '-C', installed]);
  const { dependencies } = JSON.parse(await readFile(join(installed, 'package.json'), 'utf8')) as {
    dependencies: Readonly<Record<string, string>>;
  };
  for (const name of [...Object.keys(dependencies), ...packages]) {
    await mkdir(dirname(join(path, 'node_modules', name)), { recursive: true });
    await symlink(join(clone, 'node_modules', name), join(path, 'node_modules', name));
  }
  return user;
}

/**
 * What a compiler of the clone says of the project in a folder: nothing where all is well.
 * @param compiler the name of its package.
 */
export async function compilerOutput(folder: string, compiler = 'typescript'): Promise<string> {
  const tsc = join(clone, 'node_modules', compiler, 'bin/tsc');
  const { stdout } = await run(process.execPath, [tsc, '-p', folder]).catch(
    (error: unknown) => error as { stdout: string },
  );
  return stdout;
}

/** Empty. */
export async function userFolder(): Promise<UserFolder> {
  const path = await mkdtemp(join(tmpdir(), 'package-user-'));
  return {
    path,
    write: async (files) => {
      for (const [name, text] of Object.entries(files)) {
        await mkdir(dirname(join(path, name)), { recursive: true });
        await writeFile(join(path, name), text);
      }
    },
    [Symbol.asyncDispose]: async () => rm(path, { recursive: true, force: true }),
  };
}
