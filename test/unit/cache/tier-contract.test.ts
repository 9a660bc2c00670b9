// The tier and the locks in memory, with which the rest of the cache is tested, are what the real ones are.

import { describe } from 'vitest';
import { locksContract } from '../../contract/locks.ts';
import { tierChangesContract } from '../../contract/tier-changes.ts';
import { tierContract } from '../../contract/tier.ts';
import {
  openCompressing,
  openInMemory,
  openOverCommands,
  openWithMemory,
  openWithMemoryOverCommands,
} from '../../support/in-memory-contract.ts';

describe('the tier in memory', () => {
  tierContract(openInMemory);
  tierChangesContract(openInMemory);
});
describe('the locks in memory', () => locksContract(openInMemory));

describe('the tier that compresses, where nothing is large enough for that', () => {
  tierContract(openCompressing);
  tierChangesContract(openCompressing);
});

describe('the tier over commands', () => {
  tierContract(openOverCommands);
  tierChangesContract(openOverCommands);
});
describe('a process memory before the tier in memory', () => {
  tierContract(openWithMemory);
  tierChangesContract(openWithMemory);
});
describe('a process memory before the tier over commands', () => {
  tierContract(openWithMemoryOverCommands);
  tierChangesContract(openWithMemoryOverCommands);
});

describe('the locks over commands', () => locksContract(openOverCommands));
