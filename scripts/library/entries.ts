// What can be imported from the package: `redis-entra-functions/<name>`. Used by scripts/library.ts.

export interface Entry {
  readonly name: string;
  /** The module that it is, from the root. */
  readonly source: string;
}

export const entries: readonly Entry[] = [
  { name: 'redis', source: 'src/exports/redis.ts' },
  { name: 'cache', source: 'src/exports/cache.ts' },
  { name: 'functions', source: 'src/exports/functions.ts' },
];
