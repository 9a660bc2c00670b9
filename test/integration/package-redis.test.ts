// The programs of docs/package/redis.md, each as it stands there, in a process of its own, over a local stack with
// tokens of 6 seconds. Among them are the jobs of the two published node-redis samples.

import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startStack, type Stack } from '../../local/stack.ts';
import { parseMarkdown } from '../support/markdown.ts';
import { leakedPart } from '../support/scenario.ts';

const root = join(import.meta.dirname, '../..');
const tokenLifetimeMs = 6000;
const page = parseMarkdown(await readFile(join(root, 'docs/package/redis.md'), 'utf8'));
const programs = page.sections.flatMap(({ heading, depth, blocks }) =>
  // A section repeats what stands in those below it.
  depth === 1
    ? []
    : blocks.filter(({ language }) => language === 'ts').map(({ text }) => ({ heading, text })),
);

let stack: Stack;
let directory: string;

beforeAll(async () => {
  stack = await startStack({ tokenLifetimeMs, storage: false });
  // Inside the repository, where its packages are found.
  await mkdir(join(root, 'out'), { recursive: true });
  directory = await mkdtemp(join(root, 'out/programs-'));
});
afterAll(async () => {
  await stack?.stop();
  if (directory !== undefined) await rm(directory, { recursive: true, force: true });
});

/** What it prints, line by line. */
async function outputOf(name: string, program: string): Promise<readonly string[]> {
  const { hostname, port, settings } = { ...stack.front, settings: stack.settings };
  const local = program
    .replace("'redis-entra-functions/redis'", `'${join(root, 'src/exports/redis.ts')}'`)
    .replaceAll('my-cache.westeurope.redis.azure.net', hostname)
    .replaceAll('10000', `${port}`)
    .replace('createRedis({', `createRedis({ port: ${port},`);
  const file = join(directory, `${name.replaceAll(/\W+/gu, '-')}.ts`);
  await writeFile(file, local);
  const child = spawn(process.execPath, [file], { env: { ...process.env, ...settings }, timeout: 30_000 });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (output += `${data}`));
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  if (code !== 0) throw new Error(`It ended with ${code}:\n${output}`);
  return output.trim().split('\n');
}

const expected: Readonly<Record<string, string>> = {
  'Hello, world': 'world',
  'A node-redis client of your own': 'node-redis',
  ioredis: 'ioredis',
  BullMQ: 'sent to you',
  bentocache: 'bentocache',
};

describe.concurrent('the page of ./redis', () => {
  it.each(programs)('has a program below "$heading" that does what it says', async ({ heading, text }) => {
    const lines = await outputOf(heading, text);
    expect(leakedPart(lines.join('\n'), stack.issuer.issued)).toBeUndefined();
    if (heading !== 'A token that expires') return expect(lines).toEqual([expected[heading]]);
    const reauthenticated = lines.filter((line) => /^for [\d.]+ ms more$/u.test(line));
    expect(reauthenticated.length).toBeGreaterThanOrEqual(2);
    expect(lines.filter((line) => !reauthenticated.includes(line))).toEqual(Array(8).fill('alive'));
  });

  it('has all the programs that are expected', () => {
    expect(new Set(programs.map(({ heading }) => heading))).toEqual(
      new Set([...Object.keys(expected), 'A token that expires']),
    );
  });
});
