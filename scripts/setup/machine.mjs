// The machine that is set up: what programs it has, how to run them, and how to ask the person in front of it.
// Plain JavaScript for Node.js 20, with no dependency: it runs before anything is installed.

import { spawn, spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline/promises';

/** @param {string} directory Where programs are run. @returns {import('./machine.mjs').Machine} */
export function thisMachine(directory) {
  return {
    isRoot: process.getuid?.() === 0,
    onPath,
    succeeds: (command, args) => spawnSync(command, args, { stdio: 'ignore' }).status === 0,
    outputOf: (command, args) => spawnSync(command, args, { encoding: 'utf8' }).stdout ?? '',
    run: (title, command, args) => run(directory, title, command, args),
    ask: process.stdin.isTTY && process.stdout.isTTY ? ask : undefined,
  };
}

/** @param {string} program */
function onPath(program) {
  return (process.env.PATH ?? '').split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, program), constants.X_OK);
      return directory !== '';
    } catch {
      return false;
    }
  });
}

/** Ctrl-C and Ctrl-D are an empty answer. @param {string} question */
async function ask(question) {
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  try {
    const closed = new Promise((resolve) => terminal.once('close', () => resolve('')));
    return await Promise.race([terminal.question(question), closed]);
  } finally {
    terminal.close();
  }
}

/**
 * Runs a program that takes long: says what is done and, every ten seconds, for how long.
 * @param {string} directory @param {string} title @param {string} command @param {string[]} args
 */
async function run(directory, title, command, args) {
  const startedAtMs = Date.now();
  const seconds = () => `${Math.round((Date.now() - startedAtMs) / 1000)} s`;
  console.error(`${title} ...`);
  const ticking = setInterval(() => console.error(`  still running after ${seconds()}`), 10_000);
  try {
    await new Promise((resolve, reject) => {
      // Its output goes to stderr: stdout is for what the command itself prints. sudo asks on the terminal itself.
      const child = spawn(command, args, { cwd: directory, stdio: ['ignore', 2, 2] });
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
