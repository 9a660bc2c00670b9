// Makes a fresh clone runnable: npm packages and a Redis server. Used by run.mjs before every command.
// Plain JavaScript for Node.js 20, with no dependency: it runs before anything is installed.

import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { accessSync, constants, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

export const root = join(import.meta.dirname ?? new URL('.', import.meta.url).pathname, '..');
export const binDirectory = join(root, 'node_modules', '.bin');

/** The environment in which everything runs: the project's own Node.js and tools come first. */
export function projectEnvironment() {
  return { ...process.env, PATH: `${binDirectory}${delimiter}${process.env.PATH ?? ''}` };
}

/** Installs the npm packages when they are absent or not those of the lock file. */
export async function ensurePackages() {
  const stampPath = join(root, 'node_modules', '.installed-lock');
  const lock = readFileSync(join(root, 'package-lock.json'));
  const stamp = createHash('sha256').update(lock).digest('hex');
  if (existsSync(stampPath) && readFileSync(stampPath, 'utf8') === stamp) return;
  // Somebody else, such as azd, ran `npm install`: what that left is looked at before it is thrown away.
  const installedPath = join(root, 'node_modules', '.package-lock.json');
  if (
    existsSync(installedPath) &&
    isInstalled(lock.toString(), readFileSync(installedPath, 'utf8')) &&
    nodeRuns()
  )
    return writeFileSync(stampPath, stamp);

  const npm = process.env.npm_execpath;
  const [command, first] = npm?.endsWith('.js') ? [process.execPath, [npm]] : ['npm', []];
  // The engines of some packages ask for the Node.js 24 that is about to be installed; npm runs on this one.
  const quiet = ['--no-audit', '--no-fund', '--loglevel=error'];
  await step('Installing npm packages (about 550; a minute or two)', command, [...first, 'ci', ...quiet]);
  if (!nodeRuns()) {
    throw new Error(
      [
        "The project's own Node.js 24 (the npm package `node`) is not there, or does not run here.",
        'Its install script puts it there: `npm config get ignore-scripts` must say false.',
        'It needs glibc (Alpine has none). On Windows, use WSL. Then run the same command again.',
      ].join('\n'),
    );
  }
  writeFileSync(stampPath, stamp);
}

/**
 * Whether npm's record of what it installed has every package of the lock file, at its version, and no other.
 * @param {string} lock package-lock.json @param {string} installed node_modules/.package-lock.json
 */
export function isInstalled(lock, installed) {
  const { '': _root, ...locked } = JSON.parse(lock).packages;
  const found = JSON.parse(installed).packages;
  const same = (a, b) => a?.version === b.version && a?.integrity === b.integrity;
  return (
    Object.entries(found).every(([path, entry]) => same(locked[path], entry)) &&
    // Packages for other platforms are in the lock file only.
    Object.entries(locked).every(([path, entry]) => Object.hasOwn(found, path) || entry.optional === true)
  );
}

function nodeRuns() {
  return spawnSync(join(binDirectory, 'node'), ['--version'], { stdio: 'ignore' }).status === 0;
}

/** Finds redis-server or valkey-server, installs Debian's package where that is possible, else says how. */
export async function ensureRedisServer() {
  const found = ['redis-server', 'valkey-server'].find(onPath);
  if (found !== undefined) return checkRedisVersion(found);
  const administrator = process.getuid?.() === 0 ? [] : passwordlessSudo();
  if (onPath('apt-get') && administrator !== undefined) {
    // RUNLEVEL=1 keeps Debian's invoke-rc.d from starting a system-wide server on port 6379.
    const apt = [...administrator, 'env', 'DEBIAN_FRONTEND=noninteractive', 'RUNLEVEL=1', 'apt-get', '-qq'];
    const [command, ...rest] = apt;
    await step('Reading the list of Debian packages', command, [...rest, 'update']);
    const install = [...rest, 'install', '-y', '--no-install-recommends', 'redis-server'];
    await step('Installing redis-server', command, install);
    if (onPath('redis-server')) return checkRedisVersion('redis-server');
  }
  throw redisMissing('No redis-server or valkey-server on PATH, and it could not be installed from here.');
}

/** The local cluster needs `cluster-port`, and sharded Pub/Sub: Redis 7.0. @param {string} program */
function checkRedisVersion(program) {
  const { stdout } = spawnSync(program, ['--version'], { encoding: 'utf8' });
  const [, version, major] = /\bv=((\d+)[.\d]*)/u.exec(stdout ?? '') ?? [];
  if (version !== undefined && Number(major) < 7)
    throw redisMissing(`${program} is ${version}, which is too old.`);
}

/** @param {string} why */
function redisMissing(why) {
  return new Error(
    [
      why,
      'Install Redis or Valkey 7.0 or later, then run the same command again:',
      '  Debian, Ubuntu   sudo apt-get install redis-server   (older releases: https://redis.io/docs/latest/operate/oss_and_stack/install/)',
      '  Fedora           sudo dnf install valkey',
      '  macOS            brew install redis',
    ].join('\n'),
  );
}

/** @param {string} program */
export function onPath(program) {
  return (process.env.PATH ?? '').split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, program), constants.X_OK);
      return directory !== '';
    } catch {
      return false;
    }
  });
}

function passwordlessSudo() {
  if (!onPath('sudo')) return undefined;
  return spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore' }).status === 0 ? ['sudo', '-n'] : undefined;
}

/**
 * Runs a program that takes long: says what is done and, every ten seconds, for how long.
 * @param {string} title @param {string} command @param {string[]} args
 */
async function step(title, command, args) {
  const startedAtMs = Date.now();
  const seconds = () => `${Math.round((Date.now() - startedAtMs) / 1000)} s`;
  console.error(`${title} ...`);
  const ticking = setInterval(() => console.error(`  still at it after ${seconds()}`), 10_000);
  try {
    await new Promise((resolve, reject) => {
      // Its output goes to stderr: stdout is for what the command itself prints.
      const child = spawn(command, args, { cwd: root, stdio: ['ignore', 2, 2] });
      child.on('error', (error) => reject(new Error(`${title}: cannot run ${command}: ${error.message}`)));
      child.on('exit', (code, signal) => {
        if (code === 0) resolve(undefined);
        else
          reject(new Error(`${title} failed (${signal ?? `exit code ${code}`}); the lines above say why.`));
      });
    });
  } finally {
    clearInterval(ticking);
  }
  console.error(`  done in ${seconds()}`);
}
