// The memory tier of one cache: made where it is wanted and there is memory for it. All caches of a process share what
// the process may keep.

import { MemoryStore } from '../cache/memory-store.ts';
import { mostBytesKept, memoryLimits } from '../util/instance-memory.ts';
import { LoopWatch } from '../util/loop-watch.ts';
import { onePerProcess } from '../util/one-per-process.ts';
import type { RedisParts } from './redis-parts.ts';

export interface MemorySettings {
  /** MiB in this process, for bodies and heads; 0: nothing is kept. */
  readonly memoryMb: number;
  /** How old a copy may be where Redis does not say which keys change; 0: then nothing is kept. */
  readonly memoryMaxAgeMs: number;
}

export interface CacheMemory {
  readonly store: MemoryStore;
  stop(): void;
}

const mebibyte = 2 ** 20;

/** Undefined where nothing is to be kept, or others keep already what this process may. */
export function cacheMemoryOf(
  { redis, namespace, clock, measures }: Pick<RedisParts, 'redis' | 'namespace' | 'clock' | 'measures'>,
  { memoryMb, memoryMaxAgeMs }: MemorySettings,
): CacheMemory | undefined {
  const shared = onePerProcess('memory of caches', () => ({ leftBytes: mostBytesKept(memoryLimits()) }));
  const maxBytes = Math.min(memoryMb * mebibyte, shared.leftBytes);
  if (maxBytes < mebibyte) return undefined;
  shared.leftBytes -= maxBytes;
  const loop = new LoopWatch(clock);
  const { tracking } = redis;
  const { events: counts } = measures;
  const limits = { maxBytes, maxAgeMs: memoryMaxAgeMs };
  const store = new MemoryStore({ tracking, namespace, clock, loop, ...limits, counts });
  return {
    store,
    stop() {
      store.stop();
      shared.leftBytes += maxBytes;
    },
  };
}
