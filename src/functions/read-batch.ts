// POST /api/batch: up to 100 keys in one round trip. Registered by app.ts.

import { isUtf8 } from 'node:buffer';
import type { HttpHandler, HttpRequest } from '@azure/functions';
import type { Cache } from '../cache/cache.ts';
import { AnswerLimit } from '../cache/answer-limit.ts';
import { batchAnswer } from '../http/batch-answer.ts';
import { withheldBody } from '../http/request-body.ts';
import { deadlineAtMs } from '../http/budget.ts';
import type { EntryKey } from '../cache/key.ts';
import { problem } from '../http/problem.ts';
import { charged } from './charged.ts';
import type { HttpDeps } from './deps.ts';

const maxKeys = 100;
// 100 keys of 1,024 bytes take 600 KiB where each byte is an escape sequence of six.
const maxBodyBytes = 2 ** 20;
// Of all values together, as they stand in the answer. docs/operations.md says so.
const maxAnswerBytes = 16 * 2 ** 20;

export function readBatch(deps: HttpDeps): HttpHandler {
  return charged(deps.budget, async (request, charge) => {
    const untilMs = deadlineAtMs(deps.clock, deps.requestBudgetMs);
    const tooLarge = problem('body-too-large', `At most ${maxBodyBytes} bytes are accepted.`);
    if (Number(request.headers.get('content-length') ?? 0) > maxBodyBytes) return tooLarge;
    const body = Buffer.from(await request.arrayBuffer());
    if (body.length > maxBodyBytes) return tooLarge;
    const withheld = withheldBody(request, body.length);
    if (withheld !== undefined) return withheld;
    const keys = isTextOf(request, body) ? readKeys(body.toString()) : 'Expected JSON in UTF-8.';
    if (typeof keys === 'string') return problem('invalid-body', keys);
    const entryKeys = checkKeys(keys, deps.cache);
    if (typeof entryKeys === 'string') return problem('invalid-key', entryKeys);

    // Equal keys are asked for once.
    const asked = [...new Map(entryKeys.map((key) => [key.name, key])).values()];
    const read = { charge, limit: new AnswerLimit(maxAnswerBytes) };
    const results = await deps.cache.readMany(asked, untilMs, read);
    const byName = new Map(asked.map(({ name }, index) => [name, results[index]]));
    return {
      status: 200,
      headers: { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' },
      pieces: await batchAnswer(keys, byName, { charge, limit: new AnswerLimit(maxAnswerBytes) }),
    };
  });
}

/** JSON is UTF-8 (RFC 8259, section 8.1). Decoded as well as may be, different keys would become one. */
function isTextOf({ headers }: HttpRequest, body: Buffer): boolean {
  const charset = /;\s*charset\s*=\s*"?(?<name>[^\s;"]*)/iu.exec(headers.get('content-type') ?? '');
  const name = charset?.groups?.['name']?.toLowerCase() ?? 'utf-8';
  const coding = headers.get('content-encoding')?.trim().toLowerCase() ?? 'identity';
  return ['utf-8', 'utf8', 'us-ascii'].includes(name) && ['', 'identity'].includes(coding) && isUtf8(body);
}

/** The keys of the body, or what is wrong with it. */
function readKeys(text: string): readonly string[] | string {
  const expected = `Expected {"keys": [...]} with 1 to ${maxKeys} strings`;
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return `${expected}; the body is not JSON.`;
  }
  const keys = typeof body === 'object' && body !== null && 'keys' in body ? body.keys : undefined;
  if (!Array.isArray(keys) || !keys.every((key) => typeof key === 'string')) return `${expected}.`;
  if (keys.length < 1 || keys.length > maxKeys) return `${expected}; got ${keys.length}.`;
  return keys;
}

/** The keys and what they are in Redis, or what is wrong with one of them. */
function checkKeys(names: readonly string[], cache: Cache): readonly EntryKey[] | string {
  const keys: EntryKey[] = [];
  for (const [index, name] of names.entries()) {
    const checked = cache.keyOf(name);
    if (checked.kind === 'invalid') return `keys[${index}]: ${checked.detail}`;
    keys.push(checked.key);
  }
  return keys;
}
