// Nothing that the local stack starts outlives it.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { startChild } from '../../local/child.ts';
import { findRedisServer } from '../../local/redis-server.ts';
import { eventually } from '../support/eventually.ts';
import { startStack } from '../support/stack.ts';

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

it.each([
  ['a stack', {}],
  ['a stack with a cluster', { cluster: true, storage: false }],
])('%s dies with its process, also by SIGKILL, and its files go too', async (_name, options) => {
  const script = join(directory, 'stack.ts');
  const stackModule = join(import.meta.dirname, '../../local/stack.ts');
  await writeFile(
    script,
    `import { startStack } from ${JSON.stringify(stackModule)};
     const { redis, directory } = await startStack(${JSON.stringify(options)});
     process.send({ pids: (redis.nodes ?? [redis]).map(({ pid }) => pid), directory });`,
  );
  const parent = fork(script, { stdio: 'inherit' });
  const [started] = (await once(parent, 'message')) as [{ pids: number[]; directory: string }];
  expect(started.pids.map(isRunning)).not.toContain(false);
  parent.kill('SIGKILL');
  await eventually(() => expect(started.pids.map(isRunning)).not.toContain(true));
  await eventually(async () => expect(await readdir(started.directory).catch(() => 'gone')).toBe('gone'));
});

it('a cluster of which one node cannot start leaves nothing behind', async () => {
  // Notes who was started, and fails for one node.
  const real = await findRedisServer();
  const [notes, path] = [join(directory, 'started'), process.env['PATH']];
  await writeFile(
    join(directory, 'redis-server'),
    `#!/bin/sh\necho "$$ $1" >> ${notes}\ncase "$1" in */node-4/*) exit 3;; esac\nexec ${real} "$@"\n`,
    { mode: 0o700 },
  );
  process.env['PATH'] = `${directory}:${path}`;
  try {
    await expect(startStack({ cluster: true, storage: false })).rejects.toThrow('code 3');
  } finally {
    process.env['PATH'] = path;
  }
  const started = (await readFile(notes, 'utf8'))
    .trim()
    .split('\n')
    .map((line) => line.split(' '));
  expect(started).toHaveLength(6);
  for (const [pid, configPath = ''] of started) {
    expect(isRunning(Number(pid))).toBe(false);
    const stackDirectory = dirname(dirname(configPath));
    expect(await readdir(stackDirectory).catch(() => 'gone')).toBe('gone');
  }
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
