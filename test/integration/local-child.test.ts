// Nothing that the local stack starts outlives it.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { startChild } from '../../local/child.ts';
import { eventually } from '../support/local-app.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'local-child-'));
});
afterEach(async () => rm(directory, { recursive: true, force: true }));

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

it('a stack dies with its process, also by SIGKILL, and its files go too', async () => {
  const script = join(directory, 'stack.ts');
  const stackModule = join(import.meta.dirname, '../../local/stack.ts');
  await writeFile(
    script,
    `import { startStack } from ${JSON.stringify(stackModule)};
     const stack = await startStack();
     process.send({ redis: stack.redis.pid, directory: stack.directory });`,
  );
  const parent = fork(script, { stdio: 'inherit' });
  const [started] = (await once(parent, 'message')) as [{ redis: number; directory: string }];
  expect(isRunning(started.redis)).toBe(true);
  parent.kill('SIGKILL');
  await eventually(() => expect(isRunning(started.redis)).toBe(false));
  await eventually(async () => expect(await readdir(started.directory).catch(() => 'gone')).toBe('gone'));
});

it('says what a program printed when it dies before it is ready', async () => {
  const child = await startChild('/bin/sh', ['-c', 'echo the reason; exit 3']);
  await expect(child.line(/never printed/u)).rejects.toThrow(/code 3[\s\S]*the reason/u);
  expect(await child.exited).toEqual({ code: 3 });
});

it('stops a program that ignores SIGTERM', async () => {
  const child = await startChild('/bin/sh', ['-c', "trap '' TERM; echo up; while :; do sleep 0.05; done"]);
  await child.line(/up/u);
  await child.stop(200);
  expect(isRunning(child.pid)).toBe(false);
});
