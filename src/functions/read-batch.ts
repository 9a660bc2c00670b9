// POST /api/batch: reads up to 100 keys in one round trip.

import type { HttpHandler } from '@azure/functions';
import { AnswerLimit } from '../cache/answer-limit.ts';
import type { Cache } from '../cache/cache.ts';
import { discardDamaged } from '../cache/damaged.ts';
import { checkPrefixes } from '../http/callers/caller.ts';
import { batchAnswer } from '../http/batch-answer.ts';
import { validKey } from '../http/entry-key.ts';
import { mostBatchBodyBytes as maxBytes, mostBatchKeys as maxKeys } from '../http/limits.ts';
import { Problem } from '../http/problem.ts';
import { jsonIn, readBody } from '../http/request-body.ts';
import type { Emit } from '../telemetry/events.ts';
import { httpHandler, type HandlerDeps } from './handler.ts';

export interface ReadBatchDeps extends HandlerDeps {
  readonly cache: Pick<Cache, 'keyOf' | 'read' | 'readMany' | 'remove'>;
  readonly emit: Emit;
}

// Of all values together, as they stand in the answer. docs/operations.md says so.
const maxAnswerBytes = 16 * 2 ** 20;

export function readBatch(deps: ReadBatchDeps): HttpHandler {
  const { cache } = deps;
  return httpHandler(deps, async (request, { deadlineAtMs, charge, caller }) => {
    const body = await readBody(request, { maxBytes, tooLarge: 'body-too-large' });
    const names = namesIn(jsonIn(request, body, () => invalid('; the body is not JSON')));
    const keys = names.map((name, index) => validKey(name, cache, `keys[${index}]: `));
    checkPrefixes(caller, names);

    // Equal keys are asked for once.
    const distinct = [...new Map(keys.map((key) => [key.name, key])).values()];
    const room = { charge, limit: new AnswerLimit(maxAnswerBytes) };
    const answers = await cache.readMany(distinct, deadlineAtMs, room);
    const byName = new Map(distinct.map(({ name }, index) => [name, answers[index]]));
    return {
      status: 200,
      headers: { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' },
      pieces: await batchAnswer(names, byName, {
        charge,
        limit: new AnswerLimit(maxAnswerBytes),
        afterDamage: async (name, entry) => {
          const key = validKey(name, cache);
          await discardDamaged(deps, key, entry, deadlineAtMs);
          return cache.read(key, deadlineAtMs, { charge });
        },
      }),
    };
  });
}

function invalid(what: string): Problem {
  return new Problem('invalid-body', `Expected {"keys": [...]} with 1 to ${maxKeys} strings${what}.`);
}

function namesIn(body: unknown): readonly string[] {
  const keys = typeof body === 'object' && body !== null && 'keys' in body ? body.keys : undefined;
  if (!Array.isArray(keys) || !keys.every((key) => typeof key === 'string')) throw invalid('');
  if (keys.length < 1 || keys.length > maxKeys) throw invalid(`; got ${keys.length}`);
  return keys;
}
