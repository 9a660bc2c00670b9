// `npm run optional-parts`: deletes each optional part with the lines that name it in app.ts and exports/, one after the
// other, and shows that what is left compiles and passes its tests.

import { execFile } from 'node:child_process';
import { cp, glob, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, normalize, relative } from 'node:path';
import { promisify, stripVTControlCharacters } from 'node:util';
import { runCommand, step } from '../local/commands/lifecycle.ts';
import { without } from './optional-parts/without.ts';

interface OptionalPart {
  readonly name: string;
  /** Below src/. */
  readonly paths: readonly string[];
  /** Those of its tests that do not import it. */
  readonly tests?: readonly string[];
}

const ofBothOrigins = ['test/unit/exports/origin-choice.test.ts'];

const parts: readonly OptionalPart[] = [
  {
    name: 'warmup',
    paths: ['warmup', 'functions/scheduled-warmup.ts', 'exports/warmup.ts'],
  },
  {
    name: 'fleet',
    paths: [
      'fleet',
      'functions/fleet.ts',
      'functions/fleet-page.ts',
      'functions/reauthenticate.ts',
      'exports/reauthentication.ts',
    ],
  },
  { name: 'blob origin', paths: ['origin/blob'], tests: ofBothOrigins },
  { name: 'HTTP origin', paths: ['origin/http'], tests: ofBothOrigins },
  { name: 'page', paths: ['functions/fleet-page.ts', 'fleet/page'] },
];

const root = join(import.meta.dirname, '..');
// What these hold is the repository as a whole: documents that name files, commands, infrastructure.
const aboutAll = ['test/unit/repository', 'test/unit/scripts'];
const run = promisify(execFile);

await runCommand(async (lifecycle) => {
  const unitOnly = process.argv.includes('--unit-only');
  for (const part of parts) {
    const directory = await mkdtemp(join(tmpdir(), 'optional-parts-'));
    lifecycle.add('the temporary folder', {
      stop: async () => rm(directory, { recursive: true, force: true, maxRetries: 3 }),
    });
    const deleted = await copyWithout(part, directory);
    // What only the part used is left over.
    const lenient = [
      '--noUnusedLocals',
      'false',
      '--noUnusedParameters',
      'false',
      '--noImplicitReturns',
      'false',
    ];
    await step(`Without the ${part.name} (and ${deleted.length} of its tests and benches): compiling`, () =>
      program(directory, 'tsc', ['--noEmit', ...lenient]),
    );
    const projects = unitOnly ? ['unit'] : ['unit', 'property'];
    const args = projects.flatMap((name) => ['--project', name]);
    await step(`Without the ${part.name}: ${projects.join(' and ')} tests`, () =>
      program(directory, 'vitest', ['run', ...args, '--reporter', 'dot']),
    );
  }
});

/** Resolves to what was deleted: the part, and the tests and benches of it. */
async function copyWithout(
  { paths, tests = [] }: OptionalPart,
  directory: string,
): Promise<readonly string[]> {
  const { stdout } = await run('git', ['-c', 'safe.directory=*', 'ls-files', '-z'], { cwd: root });
  for (const file of stdout.split('\0').filter((name) => name !== '' && existsSync(join(root, name)))) {
    if (aboutAll.every((folder) => !file.startsWith(`${folder}/`)))
      await cp(join(root, file), join(directory, file));
  }
  await symlink(join(root, 'node_modules'), join(directory, 'node_modules'));
  for (const path of paths) {
    if (!existsSync(join(directory, 'src', path))) throw new Error(`There is no src/${path} to delete.`);
    await rm(join(directory, 'src', path), { recursive: true });
  }
  for (const path of tests) await rm(join(directory, path));
  for await (const file of glob('src/{app,exports/*}.ts', { cwd: directory })) {
    const path = join(directory, file);
    const isGone = (specifier: string): boolean =>
      specifier.startsWith('.') && !existsSync(join(dirname(path), specifier));
    const source = await readFile(path, 'utf8');
    const left = without(source, isGone);
    if (left !== source) await writeFile(path, left);
  }
  return [...tests, ...(await deleteDependents(directory))];
}

/** Tests, benches and scripts that import what is gone go, and what imports these. */
async function deleteDependents(directory: string): Promise<readonly string[]> {
  const deleted: string[] = [];
  for (let found = true; found;) {
    found = false;
    for await (const file of glob('{test/**,bench/**,scripts}/*.ts', { cwd: directory })) {
      const path = join(directory, file);
      const imports = (await readFile(path, 'utf8')).matchAll(/(?:from|import\() ?'(?<specifier>\.[^']+)'/gu);
      const isOrphan = [...imports].some(
        ({ groups }) => !existsSync(normalize(join(dirname(path), groups?.['specifier'] ?? ''))),
      );
      if (!isOrphan) continue;
      await rm(path);
      deleted.push(relative(directory, path));
      found = true;
    }
  }
  return deleted;
}

async function program(directory: string, name: string, args: readonly string[]): Promise<void> {
  const bin = join(root, 'node_modules/.bin');
  try {
    const env = { ...process.env, PATH: `${bin}${delimiter}${process.env['PATH'] ?? ''}` };
    await run(process.execPath, [join(bin, name), ...args], { cwd: directory, env, maxBuffer: 2 ** 26 });
  } catch (error) {
    const { stdout, stderr } = error as { readonly stdout?: string; readonly stderr?: string };
    const said = stripVTControlCharacters(`${stdout ?? ''}${stderr ?? ''}`).split('\n');
    const failures = said.filter((line) => /^\s*(?:FAIL|\w*Error:)|error TS/u.test(line));
    throw new Error(`${name} failed:\n${(failures.length > 0 ? failures : said).slice(0, 50).join('\n')}`, {
      cause: error,
    });
  }
}
