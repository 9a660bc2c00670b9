// As what an answer of the cache is counted.

import type { Counts, ReadKind } from '../telemetry/measures.ts';
import type { Operation } from '../telemetry/operations.ts';
import type { CacheAnswer } from './answer.ts';

/** Counts it, as what is returned. */
export function countRead(reads: Counts<ReadKind>, answer: CacheAnswer): ReadKind {
  // By their names, for the usual ones: to look them up by what `readKindOf` says takes three times as long.
  if (answer.kind === 'hit' && !answer.stale) {
    if (answer.from === 'memory') {
      reads.memoryHit += 1;
      return 'memoryHit';
    }
    reads.redisHit += 1;
    return 'redisHit';
  }
  const kind = readKindOf(answer);
  reads[kind] += 1;
  return kind;
}

function readKindOf(answer: CacheAnswer): ReadKind {
  switch (answer.kind) {
    case 'hit':
      if (answer.from === 'memory') return answer.stale ? 'memoryStale' : 'memoryHit';
      return answer.stale ? 'redisStale' : 'redisHit';
    case 'loaded':
      if (answer.forwarded.why === 'bypass') return 'bypassed';
      return answer.forwarded.collapsed ? 'collapsed' : 'loaded';
    case 'miss':
      if (answer.origin === 'bypass') return 'bypassed';
      return answer.origin === 'remembered' ? 'negative' : 'miss';
    case 'unavailable':
      return 'unavailable';
    case 'origin-failed':
    case 'origin-pending':
      return 'failed';
    case 'wrong-type':
    case 'stored-value-too-large':
    case 'answer-too-large':
    case 'overloaded':
    case 'entry-newer':
      return 'refused';
  }
}

/** Adds how the read of one of its keys ended. */
export function tellRead(own: Operation<'cacheRead'>, kind: ReadKind): void {
  if (own.keys === 1) {
    own.result = kind;
    return;
  }
  own.results ??= {};
  own.results[kind] = (own.results[kind] ?? 0) + 1;
}
