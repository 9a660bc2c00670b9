// The answer to a batch as pieces of JSON, within a limit, with turns of the event loop in between.

import { setImmediate } from 'node:timers/promises';
import type { AnswerLimit } from '../cache/answer-limit.ts';
import type { Entry } from '../cache/entry.ts';
import type { CacheAnswer } from '../cache/answer.ts';
import type { Charge } from '../util/byte-budget.ts';
import { plainBytesOf } from '../cache/stored-body.ts';
import { jsonEncodingOf, type Encoding } from './json-encoding.ts';
import { bodyOf, representationsFor } from './representation.ts';

interface BatchItem {
  readonly key: string;
  readonly status: 'hit' | 'miss' | 'unavailable';
  readonly value?: string;
  readonly encoding?: Encoding;
  readonly contentType?: string;
  readonly etag?: string;
  /** Why a key is unavailable, where that is not an outage. */
  readonly code?: BatchCode;
}

export type BatchCode =
  Exclude<CacheAnswer['kind'], 'hit' | 'loaded' | 'miss' | 'unavailable'> | 'origin-refused';

// Writing this much takes about a millisecond.
const maxBytesPerTurn = 256 * 1024;

export interface BatchRoom {
  readonly limit: AnswerLimit;
  readonly charge: Charge;
  /** Asked once for what an entry's key answers in its stead, where its body is not what it is said to be. */
  readonly afterDamage: (key: string, entry: Entry) => Promise<CacheAnswer>;
}

/** One item for each of `keys`; what goes beyond `limit` or the budget is unavailable, with a code that says so. */
export async function batchAnswer(
  keys: readonly string[],
  results: ReadonlyMap<string, CacheAnswer | undefined>,
  room: BatchRoom,
): Promise<readonly Buffer[]> {
  const { limit, charge } = room;
  const written = new Map<string, Buffer>();
  const pieces: Buffer[] = [];
  let bytesInTurn = 0;
  for (const key of keys) {
    const known = written.get(key);
    const item =
      known === undefined ? await itemOf(key, results.get(key), room) : repeated(key, known, limit, charge);
    if (known === undefined) written.set(key, item);
    pieces.push(Buffer.from(pieces.length === 0 ? '{"results":[' : ','), item);
    bytesInTurn += item.length;
    if (bytesInTurn < maxBytesPerTurn) continue;
    bytesInTurn = 0;
    await setImmediate();
  }
  return [...pieces, Buffer.from(']}')];
}

async function itemOf(
  key: string,
  result: CacheAnswer | undefined,
  room: BatchRoom,
  isSecond = false,
): Promise<Buffer> {
  if (result === undefined) throw new TypeError('A key of the batch has no result.');
  switch (result.kind) {
    case 'hit':
    case 'loaded': {
      const { entry } = result;
      const item = await valueItem(key, entry, room);
      if (item !== undefined) return item;
      return isSecond
        ? pieceOf({ key, status: 'miss' })
        : itemOf(key, await room.afterDamage(key, entry), room, true);
    }
    case 'miss':
      return pieceOf({ key, status: 'miss' });
    case 'unavailable':
      return pieceOf({ key, status: 'unavailable' });
    case 'wrong-type':
    case 'stored-value-too-large':
    case 'answer-too-large':
    case 'overloaded':
    case 'entry-newer':
    case 'origin-failed':
    case 'origin-pending':
      return unavailable(key, result.kind);
  }
}

/** Undefined where its body is damaged. */
async function valueItem(
  key: string,
  entry: Entry,
  { limit, charge }: BatchRoom,
): Promise<Buffer | undefined> {
  const { contentType, loaded } = entry;
  const { status = 200 } = loaded ?? {};
  // Not a value: a read of this key alone passes the origin's answer on as it is.
  if (status < 200 || status >= 300) return unavailable(key, 'origin-refused');
  const [representation] = representationsFor(entry, null);
  // In JSON they take at least as many bytes; those of a coded body are known when it is decoded.
  if (!loaded?.codings.length && plainBytesOf(entry) > limit.leftBytes)
    return unavailable(key, 'answer-too-large');
  const result = await bodyOf(entry, representation, charge);
  if (result.kind === 'damaged') return undefined;
  if (result.kind === 'overloaded') return unavailable(key, 'overloaded');
  const { body } = result;
  if (body.length > limit.leftBytes) return unavailable(key, 'answer-too-large');
  const { encoding, bytes } = jsonEncodingOf(body);
  if (!limit.admits(bytes)) return unavailable(key, 'answer-too-large');
  const value = body.toString(encoding);
  return pieceOf({ key, status: 'hit', value, encoding, contentType, etag: representation.etag });
}

/** An equal key has an item of its own, which shares the bytes of the first one until the answer is put together. */
function repeated(key: string, item: Buffer, limit: AnswerLimit, charge: Charge): Buffer {
  if (!limit.admits(item.length)) return unavailable(key, 'answer-too-large');
  return charge.takeValue(item.length) ? item : unavailable(key, 'overloaded');
}

function unavailable(key: string, code: BatchCode): Buffer {
  return pieceOf({ key, status: 'unavailable', code });
}

function pieceOf(item: BatchItem): Buffer {
  return Buffer.from(JSON.stringify(item));
}
