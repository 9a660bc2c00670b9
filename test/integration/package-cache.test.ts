// The programs of docs/package/cache.md, each as it stands there, or as its diff leaves it.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Stack } from '../../local/stack.ts';
import { programsOf, startProgramRunner, type ProgramRunner } from '../support/page-programs.ts';
import { startStack } from '../support/stack.ts';

const programs = await programsOf('cache.md', ['ts', 'diff']);
let stack: Stack;
let runner: ProgramRunner;

beforeAll(async () => {
  stack = await startStack({ storage: false });
  runner = await startProgramRunner(stack);
});
afterAll(async () => {
  await stack?.stop();
  await runner?.[Symbol.asyncDispose]();
});

const expected: Readonly<Record<string, readonly string[]>> = {
  'A cached function': ['Lamp loaded once'],
  wrap: ['2 calls'],
  'From bentocache': ['Lamp', 'miss'],
  'From a client by hand': ['Lamp'],
};

describe.concurrent('the page of ./cache', () => {
  it.each(programs)('has a program below "$heading" that does what it says', async (program) => {
    expect(await runner.outputOf(program)).toEqual(expected[program.heading]);
  });

  it('has all the programs that are expected', () => {
    expect(programs.map(({ heading }) => heading)).toEqual(Object.keys(expected));
  });
});
