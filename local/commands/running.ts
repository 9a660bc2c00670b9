// How the commands of one clone find each other: what runs says where its token authority is, in a file that only the
// user can read, and takes it away at its end.

import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { AnyStack } from '../stack.ts';
import type { Part } from './lifecycle.ts';

/** Beside what else the commands write. */
export const runningPath = join(import.meta.dirname, '../../out/running.json');

export interface Running {
  readonly pid: number;
  readonly authorityUrl: string;
  readonly clientSecret: string;
  readonly caPem: string;
}

/** Where several run, the one that started last is found. */
export function announce({ authority, certificates }: AnyStack, path = runningPath): Omit<Part, 'name'> {
  const running: Running = {
    pid: process.pid,
    authorityUrl: authority.url,
    clientSecret: authority.clientSecret,
    caPem: certificates.caPem,
  };
  mkdirSync(dirname(path), { recursive: true });
  // A file that is there would keep its own mode.
  rmSync(path, { force: true });
  writeFileSync(path, JSON.stringify(running), { mode: 0o600, flag: 'wx' });
  return {
    stop: async () => {
      if (whatRuns(path)?.clientSecret === running.clientSecret) rmSync(path, { force: true });
    },
  };
}

/** Undefined where nothing runs, as far as can be seen here. */
export function whatRuns(path = runningPath): Running | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Running;
  } catch {
    return undefined;
  }
}
