import { defineConfig } from 'vitest/config';

// What `npm run garnet` runs, apart from `npm test`: it needs .NET.
export default defineConfig({
  test: {
    name: 'garnet',
    include: ['test/garnet/**/*.test.ts', 'test/integration/{cache-routes,cache-routes-origin}.test.ts'],
    provide: { cacheServer: 'garnet' },
    globalSetup: 'test/support/global-setup.ts',
    testTimeout: 60_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
  },
});
