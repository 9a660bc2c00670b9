import { defineConfig } from 'vitest/config';

const project = (name: string, extra: object = {}) => ({
  test: { name, include: [`test/${name}/**/*.test.ts`], ...extra },
});

export default defineConfig({
  test: {
    // Two workers on the smallest machine this runs on; integration tests wait more than they compute.
    maxWorkers: 4,
    projects: [
      project('unit'),
      project('contract', { testTimeout: 30_000, hookTimeout: 60_000 }),
      project('property', { testTimeout: 30_000 }),
      project('integration', {
        testTimeout: 60_000,
        hookTimeout: 60_000,
        globalSetup: 'test/support/package-once.ts',
      }),
    ],
  },
});
