// The kinds of cache that whole suites run on.

export interface CacheKind {
  readonly cache: string;
  readonly cluster: boolean;
  /** Servers that an instance sends commands to, each on a connection. */
  readonly nodes: number;
  /** What an instance keeps: one more hears announcements. */
  readonly connections: number;
}

export const caches = {
  single: { cache: 'a single endpoint', cluster: false, nodes: 1, connections: 2 },
  cluster: { cache: 'a cluster', cluster: true, nodes: 3, connections: 4 },
} as const satisfies Record<string, CacheKind>;

export const allCaches: readonly CacheKind[] = Object.values(caches);
