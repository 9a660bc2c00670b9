import { expect, it } from 'vitest';

it('repeated imports never make a second client: each evaluation of the module finds the same parts', async () => {
  let made = 0;
  const make = (): object => {
    made += 1;
    return { made };
  };
  const specifiers = [
    '../../../src/util/one-per-process.ts',
    '../../../src/util/one-per-process.ts?again',
    '../../../src/util/one-per-process.ts?more',
  ];
  const modules = (await Promise.all(specifiers.map(async (specifier) => import(specifier)))) as {
    onePerProcess: (name: string, create: () => object) => object;
  }[];
  expect(new Set(modules.map((module) => module.onePerProcess)).size).toBe(3);
  const parts = modules.map((module) => module.onePerProcess('parts', make));
  expect(new Set(parts).size).toBe(1);
  expect(made).toBe(1);
});
