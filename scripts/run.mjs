// What every npm script runs: sets the clone up, then runs the command on the project's own Node.js 24.
// Plain JavaScript for Node.js 20. Knows the commands only by the files they are in.

import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { binDirectory, ensurePackages, ensureRedisServer, projectEnvironment, root } from './setup.mjs';

const node = join(binDirectory, 'node');
const tool = (name) => join(binDirectory, name);

/** Each command: whether it needs a Redis server, and the programs it runs one after the other. */
const commands = {
  start: { redis: true, programs: (args) => [[node, 'local/commands/start.ts', ...args]] },
  stack: { redis: true, programs: (args) => [[node, 'local/commands/stack.ts', ...args]] },
  token: { redis: false, programs: (args) => [[node, 'local/commands/token.ts', ...args]] },
  test: { redis: true, programs: (args) => [[node, tool('vitest'), 'run', ...args]] },
  coverage: {
    redis: true,
    programs: (args) => [
      [node, tool('vitest'), 'run', '--coverage', '--project', 'unit', '--project', 'property', ...args],
    ],
  },
  garnet: {
    redis: false,
    programs: (args) => [[node, tool('vitest'), 'run', '--config', 'vitest.garnet.config.ts', ...args]],
  },
  library: { redis: false, programs: (args) => [[node, 'scripts/library.ts', ...args]] },
  package: { redis: false, programs: (args) => [[node, 'scripts/package.ts', ...args]] },
  bench: { redis: true, programs: benchPrograms },
  bicep: { redis: false, programs: (args) => [[node, 'scripts/bicep.ts', ...args]] },
  'infra-check': { redis: false, programs: (args) => [[node, 'scripts/infra-check.ts', ...args]] },
  'infra-changes': { redis: false, programs: (args) => [[node, 'scripts/infra-changes.ts', ...args]] },
  'register-callers': { redis: false, programs: (args) => [[node, 'scripts/register-callers.ts', ...args]] },
  'optional-parts': { redis: true, programs: (args) => [[node, 'scripts/optional-parts.ts', ...args]] },
  'azd-rehearsal': { redis: true, programs: (args) => [[node, 'scripts/azd-rehearsal.ts', ...args]] },
  screenshots: { redis: true, programs: (args) => [[node, 'scripts/screenshots.ts', ...args]] },
  check: {
    redis: false,
    programs: () => [
      [node, tool('prettier'), '--check', '.'],
      [node, tool('oxlint'), '--deny-warnings'],
      [node, tool('tsc'), '--noEmit'],
      [node, 'scripts/library/check.ts'],
    ],
  },
  format: { redis: false, programs: () => [[node, tool('prettier'), '--write', '.']] },
};

/** Names of benches, or none for all of them, and then perhaps options for each of them. */
function benchPrograms(args) {
  const optionsAt = args.findIndex((arg) => arg.startsWith('--'));
  const names = optionsAt === -1 ? args : args.slice(0, optionsAt);
  const options = optionsAt === -1 ? [] : args.slice(optionsAt);
  const all = readdirSync(join(root, 'bench')).filter((file) => /^[\w-]+\.ts$/u.test(file));
  const chosen = names.length === 0 ? all : names.map((name) => `${name}.ts`);
  const unknown = chosen.find((file) => !all.includes(file));
  if (unknown !== undefined) {
    throw new Error(
      `No such bench: ${unknown}. There are: ${all.map((file) => file.slice(0, -3)).join(', ')}`,
    );
  }
  return chosen.map((file) => [node, join('bench', file), ...options]);
}

/** Runs one program to its end; returns its exit code. A signal sent to this process is passed on, once. */
function runProgram([command, ...args]) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: root,
      env: projectEnvironment(),
      // A group of its own, so that Ctrl-C reaches it through here only and not a second time by itself.
      detached: true,
      // The channel ends when this process does, however it ends: the child watches for that.
      stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    });
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
    const passOn = (signal) => child.kill(signal);
    for (const signal of signals) process.on(signal, passOn);
    // npm ends by itself on some signals and leaves its script running.
    const parent = process.ppid;
    const watch = setInterval(() => process.ppid === parent || passOn('SIGTERM'), 1000);
    const stopWatching = () => {
      clearInterval(watch);
      for (const name of signals) process.off(name, passOn);
    };
    child.on('error', (error) => {
      stopWatching();
      reject(error);
    });
    child.on('exit', (code, signal) => {
      stopWatching();
      resolve(signal === null ? code : 128 + constants.signals[signal]);
    });
  });
}

const [name = '', ...args] = process.argv.slice(2);
try {
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command === undefined) throw new Error(`Usage: run.mjs ${Object.keys(commands).join(' | ')}`);
  await ensurePackages();
  if (command.redis) await ensureRedisServer();
  for (const program of command.programs(args)) {
    process.exitCode = await runProgram(program);
    if (process.exitCode !== 0) break;
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
