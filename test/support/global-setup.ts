// Done once before all tests but unit and property tests: packages the app and unzips it into an empty folder outside of
// the checkout, so that the tests run what is deployed, where nothing else can be found; makes the keys of all local
// stacks; and starts Chromium once.
// APP_DIRECTORY names another folder to test.

import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { unzipSync } from 'fflate';
import type { TestProject } from 'vitest/node';
import { makeStackKeys, type StackKeys } from '../../local/stack-keys.ts';
import { packageApp } from '../../scripts/package.ts';
import { warmUpChromium } from './chromium.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The folder of the app under test. */
    appDirectory: string;
    /** An empty folder, in which the first test that needs the package packs it. */
    libraryDirectory: string;
    /** Where Node.js keeps what it compiles, for the processes that tests start. */
    compileCacheDirectory: string;
    /** Of all local stacks. */
    stackKeys: StackKeys;
  }
}

const projectsWithoutApp = ['unit', 'property'];

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { projects } = project.vitest;
  if (projects.every(({ name }) => projectsWithoutApp.includes(name))) return async () => {};
  const directory = await mkdtemp(join(tmpdir(), 'packaged-app-'));
  const remove = async (): Promise<void> => rm(directory, { recursive: true, force: true, maxRetries: 5 });
  try {
    const libraryDirectory = join(directory, 'library');
    await mkdir(libraryDirectory);
    project.provide('libraryDirectory', libraryDirectory);
    project.provide('compileCacheDirectory', join(directory, 'compile-cache'));
    project.provide('stackKeys', await makeStackKeys());
    const given = process.env['APP_DIRECTORY'];
    if (given !== undefined) {
      project.provide('appDirectory', resolve(given));
      return remove;
    }
    const [{ zipPath }] = await Promise.all([
      packageApp({ outDirectory: join(directory, 'out') }),
      warmUpChromium(),
    ]);
    const appDirectory = join(directory, 'unzipped');
    await unzip(zipPath, appDirectory);
    project.provide('appDirectory', appDirectory);
    return remove;
  } catch (error) {
    await remove();
    throw error;
  }
}

async function unzip(zipPath: string, directory: string): Promise<void> {
  for (const [name, content] of Object.entries(unzipSync(await readFile(zipPath)))) {
    const path = join(directory, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
  }
}
