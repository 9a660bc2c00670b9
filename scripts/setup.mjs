// Makes a fresh clone runnable: npm packages and a Redis server, before any command.
// Plain JavaScript for Node.js 20, with no dependency: it runs before anything is installed.

import { delimiter, join } from 'node:path';
import { thisMachine } from './setup/machine.mjs';
import { packagesAreInstalled } from './setup/packages.mjs';
import { ensureRedisServer as ensureRedisServerOn } from './setup/redis-server.mjs';

export const root = join(import.meta.dirname ?? new URL('.', import.meta.url).pathname, '..');
export const binDirectory = join(root, 'node_modules', '.bin');

const machine = thisMachine(root);

/** The environment in which everything runs: the project's own Node.js and tools come first. */
export function projectEnvironment() {
  return { ...process.env, PATH: `${binDirectory}${delimiter}${process.env.PATH ?? ''}` };
}

/** Installs the npm packages unless node_modules is what the lock file asks for, whoever installed it. */
export async function ensurePackages() {
  const nodeRuns = () => machine.succeeds(join(binDirectory, 'node'), ['--version']);
  if (packagesAreInstalled(root) && nodeRuns()) return;

  const npm = process.env.npm_execpath;
  const [command, first] = npm?.endsWith('.js') ? [process.execPath, [npm]] : ['npm', []];
  // The engines of some packages ask for the Node.js 24 that is about to be installed; npm runs on this one.
  const quiet = ['--no-audit', '--no-fund', '--loglevel=error'];
  await machine.run('Installing npm packages (about 680; a minute or two)', command, [
    ...first,
    'ci',
    ...quiet,
  ]);
  if (nodeRuns()) return;
  throw new Error(
    [
      "The project's own Node.js 24 (the npm package `node`) is not there, or does not run here.",
      'Its install script puts it there: `npm config get ignore-scripts` must say false.',
      'It needs glibc (Alpine has none). On Windows, use WSL. Then run the same command again.',
    ].join('\n'),
  );
}

/** Finds a Redis server on this machine, or installs one where that is possible. */
export async function ensureRedisServer() {
  await ensureRedisServerOn(machine);
}
