// The kinds of cache that whole suites run on. Used by contract suites and scenarios.

export interface CacheKind {
  readonly cache: string;
  readonly cluster: boolean;
  /** How many connections an instance keeps. */
  readonly nodes: number;
}

export const caches = {
  single: { cache: 'a single endpoint', cluster: false, nodes: 1 },
  cluster: { cache: 'a cluster', cluster: true, nodes: 3 },
} as const satisfies Record<string, CacheKind>;

export const allCaches: readonly CacheKind[] = Object.values(caches);
