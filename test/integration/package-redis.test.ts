// The programs of docs/package/redis.md, each as it stands there, in a process of its own, over a local stack with
// tokens of 6 seconds. Among them are the jobs of the two published node-redis samples.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Stack } from '../../local/stack.ts';
import { programsOf, startProgramRunner, type ProgramRunner } from '../support/page-programs.ts';
import { leakedPart } from '../support/scenario.ts';
import { startStack } from '../support/stack.ts';

const tokenLifetimeMs = 6000;
const programs = await programsOf('redis.md');

let stack: Stack;
let runner: ProgramRunner;

beforeAll(async () => {
  stack = await startStack({ tokenLifetimeMs, storage: false });
  runner = await startProgramRunner(stack);
});
afterAll(async () => {
  await stack?.stop();
  await runner?.[Symbol.asyncDispose]();
});

const expected: Readonly<Record<string, string>> = {
  'Hello, world': 'world',
  'A node-redis client of your own': 'node-redis',
  ioredis: 'ioredis',
  BullMQ: 'sent to you',
  bentocache: 'bentocache',
};

describe.concurrent('the page of ./redis', () => {
  it.each(programs)('has a program below "$heading" that does what it says', async (program) => {
    const { heading } = program;
    const lines = await runner.outputOf(program);
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
