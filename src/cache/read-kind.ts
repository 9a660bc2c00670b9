// As what an answer of the cache is counted.

import type { ReadKind } from '../telemetry/measures.ts';
import type { CacheAnswer } from './answer.ts';

export function readKindOf(answer: CacheAnswer): ReadKind {
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
