import { defineConfig } from 'vitest/config';

// Real servers in real time, on machines that have other work: what fails once may be the machine's doing, what
// fails twice is not.
const limits = { testTimeout: 60_000, hookTimeout: 60_000, retry: 1 };
const globalSetup = 'test/support/package-once.ts';
const onRedis = { provide: { cacheServer: 'redis' } };
const scenarios = 'test/integration/scenario-*.test.ts';

const project = (name: string, more: object = {}) => ({
  test: { name, include: [`test/${name}/**/*.test.ts`], ...more },
});

export default defineConfig({
  test: {
    coverage: {
      // Also files that no test imports.
      include: ['src/**/*.ts'],
      reporter: ['text', 'json-summary'],
      reportsDirectory: 'out/coverage',
      reportOnFailure: true,
    },
    projects: [
      project('unit'),
      project('property', { testTimeout: 30_000 }),
      // These wait more than they compute.
      project('integration', { ...limits, ...onRedis, globalSetup, exclude: [scenarios], maxWorkers: 3 }),
      // Each of these reads 200 times a second through TLS: four at a time are what two cores carry with
      // time to spare, and nothing else beside them.
      project('scenario', {
        ...limits,
        globalSetup,
        include: [scenarios],
        maxWorkers: 2,
        maxConcurrency: 2,
        sequence: { groupOrder: 1 },
      }),
    ],
  },
});
