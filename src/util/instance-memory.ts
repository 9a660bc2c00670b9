// Derives from the memory of an instance how many bytes may be in flight in it, and how many kept.

import { totalmem } from 'node:os';
import { getHeapStatistics } from 'node:v8';
import { copiesOfValue, shareOfLarge } from './byte-budget.ts';

export interface MemoryLimits {
  /** `process.constrainedMemory()`: the container's limit; 0, or more than there is, where there is none. */
  readonly constrainedBytes: number;
  /** `os.totalmem()`. */
  readonly machineBytes: number;
  /** `heap_size_limit` of V8: about half of the memory, or less by a flag. */
  readonly heapLimitBytes: number;
}

const shareInFlight = 1 / 16;
const shareKept = 1 / 8;
const leastBytes = 32 * 1024 * 1024;
// Before the body of an entry in Redis.
const longestHeadBytes = 66_000;
const mostBytes = 256 * 1024 * 1024;

/**
 * A sixteenth of the memory: 128 MiB with 2,048 MB. Never less than one value of the largest size needs, so that every
 * value that may be written can be read.
 */
export function bytesInFlight(limits: MemoryLimits, maxValueBytes: number): number {
  const derived = Math.min(Math.max(bytesOf(limits) * shareInFlight, leastBytes), mostBytes);
  const largest = (maxValueBytes + longestHeadBytes) * copiesOfValue;
  return Math.ceil(Math.max(derived, largest / shareOfLarge));
}

/** An eighth of the memory: 256 MiB with 2,048 MB, 64 MiB with 512. Of all that this process keeps together. */
export function mostBytesKept(limits: MemoryLimits): number {
  return Math.floor(bytesOf(limits) * shareKept);
}

function bytesOf({ constrainedBytes, machineBytes, heapLimitBytes }: MemoryLimits): number {
  const constrained = constrainedBytes > 0 ? constrainedBytes : Number.POSITIVE_INFINITY;
  return Math.min(constrained, machineBytes, 2 * heapLimitBytes);
}

/** Of this process. */
export function memoryLimits(): MemoryLimits {
  return {
    constrainedBytes: process.constrainedMemory(),
    machineBytes: totalmem(),
    heapLimitBytes: getHeapStatistics().heap_size_limit,
  };
}
