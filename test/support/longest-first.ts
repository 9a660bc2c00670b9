// The order of the test files: those that take longest begin first, so that none of them ends long after all others.

import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Where a part of the unit tests has its turn: they only compute. */
const unitTests = 'unit tests';

/**
 * The longest first; but those that mostly wait and those that mostly compute take turns, so that no core is idle. All
 * others in the order of their size.
 */
const longest = [
  // At a low priority: it has what the others leave.
  'infra',
  'fleet',
  'pressure',
  'callers',
  'cache-client',
  'admitted-token',
  'packed-package',
  'cluster',
  unitTests,
  'cache-routes-origin',
  'fleet-http',
  unitTests,
  'connection',
  'fleet-cluster',
  unitTests,
  'warmup-cluster',
  'fleet-page-charts',
  unitTests,
  'local-cluster',
  'two-connections',
  'client-faults-ioredis',
  'origin-contract-blob',
  'client-faults-node-redis',
  'read-through-cluster',
  'client-faults-libraries',
  'warmup',
  'telemetry',
  'azure-monitor',
  unitTests,
  'purges-outages',
  'cache-routes-blobs',
  'fleet-page',
  'samples',
  'rotation',
  'package-redis',
  'public-redis',
  'tier',
  'memory-app',
  'newer-entries',
  'purges-cluster',
  'tier-cluster',
  'purges',
  'values',
  unitTests,
  // Two or three scenarios and two files that mostly compute, at a time.
  'scenario-endpoint',
  'scenario-connection',
  'scenario-expiry',
  'library-users',
  'package',
  'scenario-outage',
  'scenario-stop',
];

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    // oxlint-disable-next-line unicorn/no-array-sort -- it is no array's.
    const sorted = await super.sort(files);
    const units = sorted.filter(({ project }) => project.name === 'unit');
    const turns = [...longest.keys()].filter((rank) => longest[rank] === unitTests);
    const rank = (file: TestSpecification): number => {
      const index = units.indexOf(file);
      return index === -1 ? rankOf(file) : (turns[Math.floor((index * turns.length) / units.length)] ?? 0);
    };
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
