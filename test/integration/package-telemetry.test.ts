// The program of docs/package/telemetry.md, with an SDK of the user's own, as it stands there.

import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Stack } from '../../local/stack.ts';
import { programsOf, startProgramRunner, type ProgramRunner } from '../support/page-programs.ts';
import { startStack } from '../support/stack.ts';

const programs = await programsOf('telemetry.md');
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

it('the page of ./telemetry has a program that fills the SDK of its own', async () => {
  expect(programs.map(({ heading }) => heading)).toEqual(['With an SDK']);
  const [program] = programs;
  if (program === undefined) return;
  expect(await runner.outputOf(program)).toEqual(['cache read inside my work -> redis_hit', 'true', '1']);
});
