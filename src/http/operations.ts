// The functions of the HTTP side: the methods of each, and the app role that a caller with a token needs.

import type { HttpMethod } from '@azure/functions';

export type AppRole = 'Cache.Read' | 'Cache.Write' | 'Cache.Purge' | 'Fleet.Read';

export interface Operation {
  readonly methods: readonly HttpMethod[];
  /** Any valid token will do where it is empty; undefined where nobody is asked for one. */
  readonly roles: readonly AppRole[] | undefined;
}

const read = ['GET', 'HEAD'] as const;

export const operations = {
  readCache: { methods: read, roles: ['Cache.Read'] },
  writeCache: { methods: ['PUT'], roles: ['Cache.Write'] },
  removeCache: { methods: ['DELETE'], roles: ['Cache.Write'] },
  readBatch: { methods: ['POST'], roles: ['Cache.Read'] },
  purge: { methods: ['POST'], roles: ['Cache.Purge'] },
  fleet: { methods: read, roles: ['Fleet.Read'] },
  openapi: { methods: read, roles: [] },
  live: { methods: read, roles: undefined },
  ready: { methods: read, roles: undefined },
} as const satisfies Readonly<Record<string, Operation>>;

export type OperationName = keyof typeof operations;
