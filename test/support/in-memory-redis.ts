// The Redis port over a server in memory: the commands that the tier and the locks issue, and what their scripts mean.
// The scripts themselves run on real servers only.

import type { WriteCondition } from '../../src/cache/tier.ts';
import { touchScript, writeScriptFor } from '../../src/cache/write-script.ts';
import type { Redis, RedisClient } from '../../src/redis/redis.ts';
import { AppError } from '../../src/util/errors.ts';
import { removeIn, setIn, touchIn } from './in-memory-changes.ts';
import { extendIn, markIn, releaseIn, takeIn } from './in-memory-locks.ts';
import { wrongType, type InMemoryConnection, type InMemoryServer } from './in-memory-server.ts';

type Arguments = readonly (string | Buffer)[];

export function inMemoryRedis(connection: InMemoryConnection, maxValueBytes: number): Redis {
  const client = clientOf(connection, maxValueBytes) as unknown as RedisClient;
  const run = async <T>(
    work: (client: RedisClient) => Promise<T>,
    { key, deadlineAtMs }: { readonly key: string; readonly deadlineAtMs: number },
  ): Promise<T> => connection.run(key, deadlineAtMs, async () => work(client));
  const parts: Pick<Redis, 'run' | 'runMany'> = {
    run,
    async runMany(keys, work, { deadlineAtMs }) {
      try {
        const values = await run(async (issued) => work(issued, keys), { key: '', deadlineAtMs });
        return values.map((value) => ({ ok: true, value }));
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
        return keys.map(() => ({ ok: false, error }));
      }
    },
  };
  // Nothing that is tested so subscribes, pings or closes.
  return parts as unknown as Redis;
}

function clientOf(connection: InMemoryConnection, maxValueBytes: number) {
  const read = async <T>(key: string, of: (stored: Buffer | undefined) => T): Promise<T> =>
    connection.command((server) => {
      const stored = server.get(key);
      if (stored === 'other') throw wrongType();
      return of(stored);
    });
  const getRange = async (key: string, from: number, to: number): Promise<Buffer> =>
    read(key, (stored) => stored?.subarray(from, to + 1) ?? Buffer.alloc(0));
  const asBytes = {
    getRange,
    get: async (key: string) => read(key, (stored) => stored ?? null),
    strLen: async (key: string) => read(key, (stored) => stored?.length ?? 0),
  };
  return {
    withTypeMapping: () => asBytes,
    sendCommand: async ([command, key = '', from, to]: readonly string[]) =>
      command === 'PTTL'
        ? connection.command((server) => server.leftMs(key))
        : getRange(key, Number(from), Number(to)),
    exists: async (key: string) => connection.command((server) => Number(server.has(key))),
    get: async (key: string) => read(key, (stored) => stored?.toString('latin1') ?? null),
    set: async (key: string, value: string, { expiration }: { expiration: { value: number } }) =>
      connection.command((server) => server.set(key, value, expiration.value * 1000)),
    del: async (key: string) => connection.command((server) => server.delete(key)),
    eval: async (script: string, { keys, arguments: given }: { keys: string[]; arguments: Arguments }) =>
      connection.command((server) => evaluated(server, script, keys, given, maxValueBytes)),
  };
}

function evaluated(
  server: InMemoryServer,
  script: string,
  keys: readonly string[],
  given: Arguments,
  maxValueBytes: number,
): string | number | null {
  const texts = given.map((value) => value.toString('latin1'));
  const [key = '', second = ''] = keys;
  if (script === touchScript) {
    const [writeId = '', , ttlMs] = texts;
    return touchIn(server, key, writeId, bytesOf(given[1]), Number(ttlMs));
  }
  if (script === writeScriptFor(maxValueBytes)) {
    const [operation, kind, value = '', ttl, guard = '', ...names] = texts;
    const ttlMs = Number(ttl);
    const change = { key, condition: conditionOf(kind, names), maxValueBytes };
    if (server.get(key) === 'other') return 'wrong-type';
    if (operation === 'remove') {
      const note = second === '' ? undefined : { key: second, value, ttlMs };
      return removeIn(server, change, keys.slice(1), note);
    }
    return setIn(
      server,
      change,
      bytesOf(given[2]),
      ttlMs,
      second === '' ? undefined : { key: second, value: guard },
    );
  }
  return locked(server, script, { lock: key, mark: second }, texts);
}

/** The scripts of the locks, told by what only one of them says. */
function locked(
  server: InMemoryServer,
  script: string,
  keys: { readonly lock: string; readonly mark: string },
  [first = '', kind = '', forMs = '']: readonly string[],
): string | number | null {
  const meanings: readonly (readonly [string, () => string | number])[] = [
    ["return 'acquired'", () => takeIn(server, keys, first, Number(kind))],
    ["'unknown'", () => markIn(server, keys, Number(first)) ?? 'unknown'],
    ['PEXPIRE', () => extendIn(server, keys, first)],
    ['GET', () => releaseIn(server, keys, first, kind === '' ? undefined : { kind, forMs: Number(forMs) })],
    ["'SET', KEYS[2]", () => (server.set(keys.mark, first, Number(kind)), 'OK')],
    ["'DEL', KEYS[2]", () => server.delete(keys.mark)],
  ];
  const meaning = meanings.find(([said]) => script.includes(said));
  if (meaning === undefined) throw new Error(`Nobody knows what this script means: ${script}`);
  return meaning[1]();
}

function conditionOf(kind: string | undefined, names: readonly string[]): WriteCondition {
  const [writeId = ''] = names;
  if (kind === 'same' || kind === 'same-or-absent') return { kind, writeId };
  return kind === 'absent' || kind === 'foreign'
    ? { kind }
    : { kind: kind as 'none' | 'match' | 'none-match', etags: names };
}

function bytesOf(value: string | Buffer | undefined): Buffer {
  return Buffer.isBuffer(value) ? value : Buffer.from(value ?? '', 'latin1');
}
