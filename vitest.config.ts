import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/support/longest-first.ts';

// These have real servers in real time and wait more than they compute: seven files at a time keep two cores busy.
const maxWorkers = 7;
// For what never ends: on a machine that is busy with something else too, each part has its own limit before that.
const limits = { testTimeout: 240_000, hookTimeout: 240_000 };
const onRedis = { provide: { cacheServer: 'redis' } };
const scenarios = 'test/integration/scenario-*.test.ts';
const background = 'test/integration/{infra,infra-oldest-cli,library*,package}.test.ts';
const withScenarios = { maxWorkers: 5, sequence: { groupOrder: 1 } };
// For what computes much and promises nothing in time: it, and what it starts, leaves the cores to all others.
const lowPriority = 'test/support/low-priority.ts';
const compileCache = 'test/support/compile-cache.ts';

const project = (name: string, more: object = {}) => ({
  test: { name, include: [`test/${name}/**/*.test.ts`], maxWorkers, ...more },
});

export default defineConfig({
  test: {
    globalSetup: 'test/support/global-setup.ts',
    sequence: { sequencer: LongestFirst },
    coverage: {
      // Also files that no test imports.
      include: ['src/**/*.ts'],
      reporter: ['text', 'json-summary'],
      reportsDirectory: 'out/coverage',
      reportOnFailure: true,
    },
    projects: [
      // These change nothing that other files see: a worker runs them all, which halves what they cost.
      project('unit', { isolate: false, ...limits }),
      project('property', { isolate: false, ...limits, ...withScenarios, setupFiles: lowPriority }),
      project('integration', {
        ...limits,
        ...onRedis,
        exclude: [scenarios, background],
        setupFiles: compileCache,
        maxConcurrency: 4,
      }),
      // Each of these reads 50 times a second through TLS: six at a time, or eight for a while, are what two cores carry
      // with time to spare. Nothing of the usual priority runs beside them.
      project('scenario', {
        ...limits,
        ...withScenarios,
        include: [scenarios],
        setupFiles: compileCache,
        maxConcurrency: 2,
      }),
      project('background', {
        ...limits,
        ...onRedis,
        ...withScenarios,
        include: [background],
        setupFiles: [lowPriority, compileCache],
      }),
    ],
  },
});
