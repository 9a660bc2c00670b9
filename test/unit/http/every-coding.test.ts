// Whatever an entry is stored in and whatever a client accepts, it gets the same bytes: by GET and HEAD, in part, in a
// batch, and as a value.

import { brotliCompressSync, brotliDecompressSync, gunzipSync, gzipSync } from 'node:zlib';
import { HttpRequest, InvocationContext, type HttpHandler } from '@azure/functions';
import { describe, expect } from 'vitest';
import { compressingTier } from '../../../src/cache/compressing-tier.ts';
import { Compressor } from '../../../src/cache/compressor.ts';
import { newEntry, type Entry } from '../../../src/cache/entry.ts';
import { readBatch } from '../../../src/functions/read-batch.ts';
import { readCache } from '../../../src/functions/read-cache.ts';
import type { ContentCoding } from '../../../src/origin/content-codings.ts';
import { loaded } from '../../contract/tier-world.ts';
import { it, type World } from '../../support/in-memory-cache.ts';
import { publicInstance, type PublicInstance } from '../../support/in-memory-public-cache.ts';

const always = { kind: 'none', etags: [] } as const;
const name = 'key';
const type = 'text/plain; charset=utf-8';

// Decoded at once, and by the thread pool; and what is not compressed.
const texts = [200, 600, 30_000].map((bytes) =>
  'Ein Wörterbuch hat 1,000 Wörter. '.repeat(bytes / 20).slice(0, bytes),
);

const byOrigin = (...codings: ContentCoding[]) => ({ loaded: { ...loaded, codings } });
const forms: Readonly<Record<string, (text: string) => Partial<Entry>>> = {
  'as a client sent it': () => ({ loaded: undefined }),
  'as its origin sent it, plain': () => ({ loaded }),
  'by its origin in gzip': (text) => ({ ...byOrigin('gzip'), body: gzipSync(text) }),
  'by its origin in br': (text) => ({ ...byOrigin('br'), body: brotliCompressSync(text) }),
  'by its origin in both': (text) => ({
    ...byOrigin('gzip', 'br'),
    body: brotliCompressSync(gzipSync(text)),
  }),
  'by its origin in br, and compressed over that': (text) => ({
    ...byOrigin('br'),
    body: gzipSync(brotliCompressSync(text)),
    isGzipped: true,
  }),
};

const accepted: readonly (string | undefined)[] = [
  undefined,
  'identity',
  'gzip',
  'br',
  'gzip, br',
  'gzip;q=0.1, br;q=0',
  'identity;q=0',
  'gzip, identity;q=0',
  '*',
  'gzip;q=0, *',
  'deflate, zstd',
];

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

async function ask(
  handler: HttpHandler,
  init: { method?: string; headers?: Record<string, string>; body?: string },
) {
  const { body, ...rest } = init;
  const request = new HttpRequest({
    url: 'http://localhost/',
    params: { key: name },
    method: 'GET',
    ...rest,
    ...(body === undefined ? {} : { body: { string: body } }),
  });
  const answer = await handler(request, new InvocationContext());
  if (answer === undefined) return expect.unreachable();
  const read = 'arrayBuffer' in answer ? Buffer.from(await answer.arrayBuffer()) : Buffer.alloc(0);
  const headers = Object.fromEntries(new Headers(answer.headers as Record<string, string>));
  return { status: answer.status ?? 0, headers, body: read } satisfies Answer;
}

function handlersOf(world: World, { instance }: PublicInstance) {
  const deps = {
    clock: world.clock,
    emit: (event: (typeof instance.events)[number]) => void instance.events.push(event),
    requestBudgetMs: 2000,
    budget: instance.budget,
    cache: instance.cache,
    queryRule: 'reject',
    maxValueBytes: 2 ** 20,
  } as const;
  return { read: readCache(deps), batch: readBatch(deps) };
}

function decoded({ headers, body }: Answer): string {
  const codings = headers['content-encoding']?.split(', ') ?? [];
  const plain = codings.toReversed().reduce((bytes, coding) => {
    if (coding === 'gzip') return gunzipSync(bytes);
    return coding === 'br' ? brotliDecompressSync(bytes) : expect.unreachable(coding);
  }, body);
  return plain.toString();
}

/** Whether a client with this field can read what is sent. */
function isAccepted(field: string | undefined, coding: string): boolean {
  const weights = new Map(
    (field ?? '').split(', ').map((part) => {
      const [one = '', weight = '1'] = part.split(';q=');
      return [one, Number(weight)] as const;
    }),
  );
  return (weights.get(coding) ?? weights.get('*') ?? 0) > 0;
}

describe.each(texts.map((text) => ({ text, bytes: Buffer.byteLength(text) })))(
  '$bytes bytes',
  ({ text, bytes }) => {
    describe.each(Object.entries(forms))('stored %s', (form, of) => {
      it.for(accepted)('are the same for who accepts %s', async (field, { world }) => {
        const shop = publicInstance(world);
        const { instance } = shop;
        const { read, batch } = handlersOf(world, shop);
        const tier = compressingTier(
          instance.tier,
          new Compressor({ mostPlainBytes: 1024, budget: instance.budget }),
        );
        const entry = { ...newEntry(Buffer.from(text), type, world.clock.wallMs(), 60), ...of(text) };
        await tier.write(name, entry, always, world.clock.nowMs() + 1000);
        const isOurs = text.length > 1024 && (form.endsWith('plain') || form.endsWith('client sent it'));
        expect((await instance.tier.readHeads([name], world.clock.nowMs() + 1000))[0]).toMatchObject({
          head: { isGzipped: isOurs || form.includes('over that') ? true : undefined, etag: entry.etag },
        });

        const headers: Record<string, string> = field === undefined ? {} : { 'accept-encoding': field };
        const answer = await ask(read, { headers });
        expect([answer.status, decoded(answer)]).toEqual([200, text]);
        const codings = answer.headers['content-encoding']?.split(', ') ?? [];
        for (const coding of codings) expect(isAccepted(field, coding), coding).toBe(true);
        if (isOurs) expect(codings).toEqual(isAccepted(field, 'gzip') ? ['gzip'] : []);
        expect(answer.headers['content-length']).toBe(`${answer.body.length}`);
        expect(answer.headers['vary']).toBe(
          isOurs || form.startsWith('by its origin') ? 'Accept-Encoding' : undefined,
        );
        expect((await ask(read, { method: 'HEAD', headers })).headers).toEqual(answer.headers);

        // Each form has a tag of its own, with which the client has it already.
        const { etag = '' } = answer.headers;
        const again = await ask(read, { headers: { ...headers, 'if-none-match': etag } });
        expect([again.status, again.headers['etag']]).toEqual([304, etag]);
        const part = await ask(read, { headers: { ...headers, range: 'bytes=2-11' } });
        expect(part.status).toBe(206);
        const whole = part.headers['content-encoding'] === undefined ? Buffer.from(text) : answer.body;
        expect(part.body).toEqual(whole.subarray(2, 12));
        expect(part.headers['content-range']).toBe(`bytes 2-11/${whole.length}`);

        const listed = await ask(batch, { method: 'POST', headers, body: JSON.stringify({ keys: [name] }) });
        expect(JSON.parse(listed.body.toString())).toMatchObject({
          results: [{ status: 'hit', value: text, encoding: 'utf8', contentType: type }],
        });
        expect(await shop.cache.get(name)).toMatchObject({ kind: 'hit', value: text, etag: entry.etag });
        expect(await shop.cache.getMany([name])).toMatchObject([{ kind: 'hit', value: text }]);
        expect(await shop.cache.getOrSet(name, () => 'never', { ttlSeconds: 1 })).toBe(text);
        expect(bytes).toBeGreaterThan(0);
      });
    });
  },
);
