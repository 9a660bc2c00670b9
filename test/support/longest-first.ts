// The order of the test files: those that take longest begin first, so that none of them ends long after all others.

import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** A quarter of a minute or more of two quiet cores, the longest first. All others in the order of their size. */
const longest = [
  'fleet',
  'callers',
  'cluster',
  'admitted-token',
  'fleet-cluster',
  'fleet-http',
  'cache-routes-origin',
  'two-connections',
  'packed-package',
  'pressure',
  'cache-client',
  'warmup-cluster',
  'connection',
  'local-cluster',
  'client-faults-ioredis',
  'client-faults-node-redis',
  'read-through-cluster',
  'fleet-page-charts',
  'fleet-page',
  'client-faults-libraries',
  'warmup',
  'origin-contract-blob',
  'cache-routes-blobs',
  'samples',
  'rotation',
  'package-redis',
  // Two scenarios and one file that mostly computes, at a time.
  'scenario-connection',
  'scenario-endpoint',
  'infra',
  'library-users',
  'scenario-expiry',
  'scenario-stop',
];

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    // oxlint-disable-next-line unicorn/no-array-sort -- it is no array's.
    const sorted = await super.sort(files);
    return sorted.toSorted((a, b) => groupOf(a) - groupOf(b) || rankOf(a) - rankOf(b));
  }
}

function groupOf({ project }: TestSpecification): number {
  return project.config.sequence.groupOrder;
}

function rankOf({ moduleId }: TestSpecification): number {
  const [, name = ''] = /\/test\/integration\/([\w-]+)\.test\.ts$/u.exec(moduleId) ?? [];
  const rank = longest.indexOf(name);
  return rank === -1 ? longest.length : rank;
}
