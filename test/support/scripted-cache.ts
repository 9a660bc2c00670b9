// A cache that gives the answers it was given, and remembers what it was asked.

import type { CacheAnswer } from '../../src/cache/answer.ts';
import type { Cache } from '../../src/cache/cache.ts';
import { newEntry } from '../../src/cache/entry.ts';
import { checkKey } from '../../src/cache/key.ts';
import type { RemoveResult, WriteResult } from '../../src/cache/tier.ts';

type HandlerCache = Pick<Cache, 'keyOf' | 'read' | 'readMany' | 'write' | 'remove'>;

export class ScriptedCache implements HandlerCache {
  /** By name; what is not there is a miss. */
  readonly answers = new Map<string, CacheAnswer>();
  writeResult: WriteResult = { kind: 'created' };
  removeResult: RemoveResult = { kind: 'removed' };
  readonly reads: { readonly keys: readonly string[]; readonly deadlineAtMs: number }[] = [];
  readonly writes: Parameters<HandlerCache['write']>[] = [];
  readonly removals: Parameters<HandlerCache['remove']>[] = [];

  keyOf: HandlerCache['keyOf'] = (name) => checkKey(name, { prefix: 'p:', namespace: 'ref' });

  read: HandlerCache['read'] = async ({ name }, deadlineAtMs) => {
    this.reads.push({ keys: [name], deadlineAtMs });
    return this.#answerTo(name);
  };

  readMany: HandlerCache['readMany'] = async (keys, deadlineAtMs) => {
    const names = keys.map(({ name }) => name);
    this.reads.push({ keys: names, deadlineAtMs });
    return names.map((name) => this.#answerTo(name));
  };

  write: HandlerCache['write'] = async (...call) => {
    this.writes.push(call);
    return this.writeResult;
  };

  remove: HandlerCache['remove'] = async (...call) => {
    this.removals.push(call);
    return this.removeResult;
  };

  #answerTo(name: string): CacheAnswer {
    return this.answers.get(name) ?? { kind: 'miss', origin: undefined };
  }
}

export function hit(body: string, storedAtMs = 0, ttlSeconds = 60): CacheAnswer & { kind: 'hit' } {
  return {
    kind: 'hit',
    entry: newEntry(Buffer.from(body), 'text/plain', storedAtMs, ttlSeconds),
    stale: false,
  };
}
