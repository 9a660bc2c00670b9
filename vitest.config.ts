import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/support/longest-first.ts';

// These have real servers in real time and wait more than they compute: seven files at a time keep two cores busy. One
// more computes where they leave a core idle.
const maxWorkers = 8;
// For what never ends: on a machine that is busy with something else too, each part has its own limit before that.
const limits = { testTimeout: 240_000, hookTimeout: 240_000 };
const onRedis = { provide: { cacheServer: 'redis' } };
const scenarios = 'test/integration/scenario-*.test.ts';
const infrastructure = 'test/integration/infra.test.ts';
const background = 'test/integration/{infra-oldest-cli,library*,package}.test.ts';
const withScenarios = { maxWorkers: 5, sequence: { groupOrder: 1 } };
// For what computes much and promises nothing in time: it, and what it starts, leaves the cores to all others.
const lowPriority = 'test/support/low-priority.ts';
const sharedProcess = 'test/support/shared-process.ts';

// A worker runs one file after another, which halves what their imports cost: none leaves behind what the next would see.
const project = (name: string, more: object = {}) => ({
  test: { name, include: [`test/${name}/**/*.test.ts`], isolate: false, maxWorkers, ...limits, ...more },
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
      project('unit'),
      project('property', { ...withScenarios, setupFiles: lowPriority }),
      project('integration', {
        ...onRedis,
        exclude: [scenarios, background, infrastructure],
        setupFiles: sharedProcess,
        maxConcurrency: 4,
      }),
      project('infra', { include: [infrastructure], setupFiles: [lowPriority, sharedProcess] }),
      // Each of these reads 50 times a second through TLS: six at a time, or eight for a while, are what two cores carry
      // with time to spare. Nothing of the usual priority runs beside them.
      project('scenario', {
        ...withScenarios,
        include: [scenarios],
        setupFiles: sharedProcess,
        maxConcurrency: 2,
      }),
      project('background', {
        ...onRedis,
        ...withScenarios,
        include: [background],
        setupFiles: [lowPriority, sharedProcess],
      }),
    ],
  },
});
