// The order of the test files: those that take longest begin first, so that none of them ends long after all others.

import { BaseSequencer, type TestSpecification } from 'vitest/node';

/**
 * A quarter of a minute or more of two quiet cores, the longest first; but those that mostly wait and those that compute
 * take turns, so that the cores are never all idle. All others in the order of their size.
 */
const longest = [
  'fleet',
  'pressure',
  'callers',
  'cache-client',
  'admitted-token',
  'packed-package',
  'cluster',
  'cache-routes-origin',
  'fleet-http',
  'connection',
  'fleet-cluster',
  'warmup-cluster',
  'fleet-page-charts',
  'local-cluster',
  'two-connections',
  'client-faults-ioredis',
  'origin-contract-blob',
  'client-faults-node-redis',
  'read-through-cluster',
  'client-faults-libraries',
  'warmup',
  'telemetry',
  'purges-outages',
  'cache-routes-blobs',
  'fleet-page',
  'samples',
  'rotation',
  'package-redis',
  // Two scenarios and one or two files that mostly compute, at a time.
  'scenario-connection',
  'scenario-endpoint',
  'infra',
  'library-users',
  'scenario-expiry',
  'scenario-stop',
];

/** After the first of these ranks, and after every fourth from there: a batch of unit tests, which only compute. */
const firstBatchRank = 8.5;
const batches = 6;

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    // oxlint-disable-next-line unicorn/no-array-sort -- it is no array's.
    const sorted = await super.sort(files);
    const units = sorted.filter(({ project }) => project.name === 'unit');
    const ranks = new Map(sorted.map((file) => [file, rankOf(file)]));
    units.forEach((file, index) => {
      ranks.set(file, firstBatchRank + 4 * Math.floor((index * batches) / units.length));
    });
    const rank = (file: TestSpecification): number => ranks.get(file) ?? 0;
    return sorted.toSorted((a, b) => groupOf(a) - groupOf(b) || rank(a) - rank(b));
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
