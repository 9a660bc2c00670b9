// What can be imported from the package: `redis-entra-functions/<name>`. Used by scripts/library.ts.

export interface Entry {
  readonly name: string;
  /** The module that it is, from the root. */
  readonly source: string;
  /**
   * Its functions, all of them asynchronous, where the CommonJS module is to load the ES module when one is called: what
   * is large is in the package once.
   */
  readonly asyncFunctions?: readonly string[];
}

export const entries: readonly Entry[] = [
  { name: 'redis', source: 'src/exports/redis.ts' },
  { name: 'cache', source: 'src/exports/cache.ts' },
  { name: 'functions', source: 'src/exports/functions.ts' },
  { name: 'telemetry', source: 'src/exports/telemetry.ts' },
  { name: 'client', source: 'src/exports/client.ts' },
  // Of the local parts, which src/ never knows.
  { name: 'testing', source: 'local/exports/testing.ts', asyncFunctions: ['startAzureInABox'] },
];
