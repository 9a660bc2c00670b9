// What every origin does: one suite, run against each implementation and a real server.
// A rejection that nobody handles fails the run by itself.

import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { AppError } from '../../src/util/errors.ts';
import type { LoadOptions, Origin, OriginAnswer } from '../../src/origin/origin.ts';
import { validatorsOf } from '../../src/origin/response.ts';
import { tagsNotStorable } from '../../src/origin/tags.ts';
import { eventually } from '../support/eventually.ts';
import type { OriginBehaviour, OriginServer } from '../support/origin-server.ts';
import { lateMs, startControl } from '../support/timing.ts';

export interface OriginFixture extends AsyncDisposable {
  /** Over a server that does what it should. */
  readonly origin: Origin;
  put(key: string, body: string | Buffer, headers?: EntryHeaders): Promise<void>;
  remove(key: string): Promise<void>;
  /** The same implementation over a server that can be told to misbehave. */
  readonly server: OriginServer;
  targetOf(key: string): string;
  troubled(timeLimitMs?: number): Origin;
}

export interface EntryHeaders {
  readonly contentType?: string;
  readonly contentEncoding?: string;
  readonly cacheControl?: string;
  readonly tags?: string;
}

const codings = ['gzip', 'GZip', 'deflate', 'br', 'zstd'] as const;

function encode(coding: (typeof codings)[number], body: Buffer): Buffer {
  switch (coding) {
    case 'gzip':
    case 'GZip':
      return gzipSync(body);
    case 'deflate':
      return deflateSync(body);
    case 'br':
      return brotliCompressSync(body);
    case 'zstd':
      return zstdCompressSync(body);
  }
}

const never = new AbortController().signal;
const limits = (more: Partial<LoadOptions> = {}): LoadOptions => ({
  maxBytes: 1_000_000,
  signal: never,
  ...more,
});

export function load(origin: Origin, key: string, more?: Partial<LoadOptions>): Promise<OriginAnswer> {
  return origin.load(key, limits(more));
}

/** The failure of a load; a test fails that gets an answer. */
export async function failureOf(loading: Promise<unknown>): Promise<AppError> {
  const thrown: unknown = await loading.then(
    (answer) => expect.unreachable(`answered ${JSON.stringify(answer)}`),
    (error: unknown) => error,
  );
  expect(thrown).toBeInstanceOf(AppError);
  const error = thrown as AppError;
  expect(error.code).toBe('origin-failed');
  // Whatever logs it, causes and all, logs no token.
  expect(inspect(error, { depth: 20, showHidden: true, customInspect: false })).not.toMatch(/Bearer|eyJ/u);
  return error;
}

export function describeOrigin(name: string, start: () => Promise<OriginFixture>): void {
  describe(`the ${name} origin`, () => {
    let fixture: OriginFixture;
    beforeAll(async () => {
      fixture = await start();
    });
    afterAll(async () => fixture?.[Symbol.asyncDispose]());
    afterEach(() => {
      fixture.server.behaviour = 'normal';
      fixture.server.delayMs = 0;
    });

    /** Puts an entry under a name of its own where the server may misbehave. */
    const putTroubled = (
      behaviour: OriginBehaviour,
      body: string | Buffer = 'the value',
      headers: Record<string, string> = {},
    ): string => {
      const key = `troubled/${randomBytes(4).toString('hex')}`;
      fixture.server.put(fixture.targetOf(key), { body, headers, behaviour });
      return key;
    };
    const requestsFor = (key: string) =>
      fixture.server.requests.filter(({ target }) => target === fixture.targetOf(key));

    describe('finds', () => {
      it.each([
        ['text', Buffer.from('wörld'), 'text/plain; charset=utf-8'],
        ['nothing at all', Buffer.alloc(0), 'application/json'],
        [
          'every byte',
          Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)),
          'application/octet-stream',
        ],
        ['a megabyte', randomBytes(1_000_000), 'image/x-random'],
      ])('%s, with its type', async (_what, body, contentType) => {
        await fixture.put('found', body, { contentType });
        const answer = await load(fixture.origin, 'found');
        expect(answer).toMatchObject({ kind: 'answered', status: 200, codings: [], restrictions: [] });
        if (answer.kind !== 'answered') return;
        expect(answer.body.equals(body)).toBe(true);
        expect(answer.fields).toMatchObject({ 'content-type': contentType });
        expect(validatorsOf(answer.fields, Date.now()).etag).toMatch(/^"[!\u0023-\u007E]+"$/u);
      });

      it('what it says of storing', async () => {
        await fixture.put('stored', 'value', { cacheControl: 'max-age=120, must-revalidate' });
        const fields = { 'cache-control': 'max-age=120, must-revalidate' };
        expect(await load(fixture.origin, 'stored')).toMatchObject({ kind: 'answered', fields });
      });

      it('its tags, and no others when it is asked whether it has changed', async () => {
        await fixture.put('tagged', 'value', { tags: 'a, b' });
        const answer = await load(fixture.origin, 'tagged');
        expect(answer).toMatchObject({ kind: 'answered', tags: ['a', 'b'], restrictions: [] });
        if (answer.kind !== 'answered') return;
        expect(Object.values(answer.fields)).not.toContain('a, b');
        const validators = validatorsOf(answer.fields, Date.now());
        const unchanged = await load(fixture.origin, 'tagged', { validators });
        expect(unchanged.kind).toBe('unchanged');
        expect([undefined, ['a', 'b']]).toContainEqual('tags' in unchanged ? unchanged.tags : undefined);
      });

      it('what has tags that no entry can have, and that it is not to be stored', async () => {
        await fixture.put('tagged', 'value', { tags: 'a b' });
        const answer = await load(fixture.origin, 'tagged');
        expect(answer).toMatchObject({ kind: 'answered', restrictions: [tagsNotStorable] });
      });

      it.each(codings)('what is stored as %s, as it is', async (coding) => {
        const body = encode(coding, Buffer.from('the value '.repeat(100)));
        await fixture.put(`coded/${coding}`, body, { contentEncoding: coding });
        const read = { kind: 'answered', body, codings: [coding.toLowerCase()] };
        expect(await load(fixture.origin, `coded/${coding}`)).toMatchObject(read);
      });

      it('bytes that are coded in no way, whatever letters say so', async () => {
        await fixture.put('identity', 'value', { contentEncoding: 'Identity' });
        const read = { kind: 'answered', body: Buffer.from('value'), codings: [] };
        expect(await load(fixture.origin, 'identity')).toMatchObject(read);
      });

      it.each([
        'plain',
        'with spaces and + plus',
        'a/b/c',
        'schlüssel/鍵/🔑',
        '100%',
        '%2e%2e/%2F',
        'a?b=c&d#e;f=g',
        `!'()*~:@,$[]|^\`{}"<>`,
        'a//b',
        '.hidden/..a/b..c',
        'k'.repeat(1024),
      ])('what stands under the key %j and no other', async (key) => {
        await fixture.put(key, `under ${key}`);
        expect(await load(fixture.origin, key)).toMatchObject({ body: Buffer.from(`under ${key}`) });
        expect(await load(fixture.origin, `${key.slice(0, 1000)}-`)).toMatchObject({ kind: 'none' });
      });

      it('each of many that are asked for at once', async () => {
        const keys = Array.from({ length: 200 }, (_, index) => putTroubled('normal', `value ${index}`));
        const origin = fixture.troubled();
        const answers = await Promise.all(keys.map(async (key) => load(origin, key)));
        expect(answers.map((answer) => answer.kind === 'answered' && answer.body.toString())).toEqual(
          keys.map((_, index) => `value ${index}`),
        );
      });
    });

    describe('says', () => {
      it('that there is none', async () => {
        expect(await load(fixture.origin, 'never/put')).toMatchObject({ kind: 'none' });
        await fixture.put('removed', 'value');
        await fixture.remove('removed');
        expect(await load(fixture.origin, 'removed')).toMatchObject({ kind: 'none' });
        expect(await load(fixture.troubled(), 'never/put')).toMatchObject({ kind: 'none' });
      });

      it('that there is none under a key without a place, and does not ask', async () => {
        const before = fixture.server.requests.length;
        for (const key of ['', '..', '../secret', 'a/../../b', 'a\\..\\b', '\uD800']) {
          expect(await load(fixture.troubled(), key)).toMatchObject({ kind: 'none' });
        }
        expect(fixture.server.requests).toHaveLength(before);
      });

      it('that what is known is still current, and moves no body', async () => {
        const key = putTroubled('normal', 'old', { 'Cache-Control': 'max-age=120' });
        const origin = fixture.troubled();
        const first = await load(origin, key);
        const { fields } = first.kind === 'answered' ? first : expect.unreachable();
        const validators = validatorsOf(fields, Date.now());
        const moved = fixture.server.bodiesMoved;
        expect(await load(origin, key, { validators })).toMatchObject({
          kind: 'unchanged',
          fields: { 'cache-control': 'max-age=120' },
        });
        expect(fixture.server.bodiesMoved).toBe(moved);
        expect(await load(origin, key, { validators: {} })).toMatchObject({ kind: 'answered' });
        // A 304 need not repeat the lifetime, and then says nothing of it.
        const target = fixture.targetOf(key);
        fixture.server.put(target, { body: '', behaviour: { status: 304 } });
        const answer = await load(origin, key, { validators });
        expect(answer).toMatchObject({ kind: 'unchanged', restrictions: [] });
        expect(answer).not.toHaveProperty('fields.cache-control');
      });

      it('what is new under a key that has changed', async () => {
        await fixture.put('changing', 'old');
        const first = await load(fixture.origin, 'changing');
        const { fields } = first.kind === 'answered' ? first : expect.unreachable();
        const validators = validatorsOf(fields, Date.now());
        expect(await load(fixture.origin, 'changing', { validators })).toMatchObject({ kind: 'unchanged' });
        await fixture.put('changing', 'new');
        const second = await load(fixture.origin, 'changing', { validators });
        expect(second).toMatchObject({ kind: 'answered', body: Buffer.from('new') });
        expect(second).not.toMatchObject({ fields: { etag: validators.etag } });
        await fixture.remove('changing');
        expect(await load(fixture.origin, 'changing', { validators })).toMatchObject({ kind: 'none' });
      });

      it('that an entry is too large, and how large', async () => {
        await fixture.put('large', Buffer.alloc(2000, 'x'));
        const bytes = 2000;
        expect(await load(fixture.origin, 'large', { maxBytes: 1999 })).toEqual({ kind: 'too-large', bytes });
        expect(await load(fixture.origin, 'large', { maxBytes: 2000 })).toMatchObject({ kind: 'answered' });
      });

      it('that an entry is too large once it is decoded', async () => {
        const body = encode('gzip', Buffer.alloc(100_000));
        const key = putTroubled('normal', body, { 'Content-Encoding': 'gzip' });
        const tooLarge = { kind: 'too-large', bytes: undefined };
        expect(await load(fixture.troubled(), key, { maxBytes: 99_999 })).toEqual(tooLarge);
        expect(await load(fixture.troubled(), key, { maxBytes: 100_000 })).toMatchObject({
          kind: 'answered',
        });
      });

      it('of what there is no memory for only how large it is, to whoever admits it or not', async () => {
        await fixture.put('large', Buffer.alloc(2000, 'x'));
        const asked: number[] = [];
        const refusing = (bytes: number): boolean => asked.push(bytes) === 0;
        expect(await load(fixture.origin, 'large', { admits: refusing })).toEqual({ kind: 'not-admitted' });
        expect(asked).toEqual([2000]);
        expect(await load(fixture.origin, 'large', { admits: () => true })).toMatchObject({
          kind: 'answered',
        });
      });

      it('that an entry is too large without reading it', async () => {
        const key = putTroubled('normal', Buffer.alloc(64 * 1024 * 1024));
        const { length: bytes } = Buffer.alloc(64 * 1024 * 1024);
        expect(await load(fixture.troubled(), key)).toEqual({ kind: 'too-large', bytes });
        await eventually(() => expect(requestsFor(key).map(({ sent }) => sent)).toEqual([false]));
      });
    });

    it.each<[string, () => OriginBehaviour]>([
      ['what is new', () => 'normal'],
      ['that nothing has changed', () => ({ status: 304 })],
      ['that there is none', () => fixture.server.missing],
      ['that it failed', () => ({ status: 502, body: 'a word' })],
    ])('asks again on the connection on which it was told %s', async (_what, behaviour) => {
      const key = putTroubled(behaviour());
      const origin = fixture.troubled();
      const before = fixture.server.connections;
      for (let times = 0; times < 5; times += 1) {
        await load(origin, key, { validators: { etag: '"seen"' } }).catch((error: unknown) => {
          expect(error).toBeInstanceOf(AppError);
        });
      }
      expect(requestsFor(key)).toHaveLength(5);
      expect(fixture.server.connections - before).toBe(1);
    });

    it('is not kept by the rest of an answer that it does not need', async () => {
      const { missing } = fixture.server;
      const rest = { body: 'There is', unended: true };
      const key = putTroubled(typeof missing === 'object' ? { ...missing, ...rest } : missing);
      using control = startControl(async () => {});
      const startedAtMs = performance.now();
      expect(await load(fixture.troubled(), key)).toMatchObject({ kind: 'none' });
      expect(performance.now() - startedAtMs).toBeLessThan(3000 + control.longestMs);
      await eventually(() => expect(requestsFor(key).map(({ sent }) => sent)).toEqual([false]));
    });

    describe('fails, and finds nothing, when the server', () => {
      it.each<OriginBehaviour & string>(['cut', 'too-long', 'chunked-cut', 'not-http', 'no-answer'])(
        'does this: %s',
        async (behaviour) => {
          for (const body of ['some value', randomBytes(300_000)]) {
            const key = putTroubled(behaviour, body);
            const error = await failureOf(load(fixture.troubled(), key));
            expect(error.retryable).toBe(true);
            expect(error.message).toContain(fixture.server.url);
            // It goes to callers and logs; a key may be nobody else's business.
            expect(error.message).not.toContain(key.slice(-8));
          }
        },
      );

      it.each<OriginBehaviour & string>(['hang', 'stall'])('does this, in time: %s', async (behaviour) => {
        const key = putTroubled(behaviour);
        using control = startControl(async () => {});
        const startedAtMs = performance.now();
        const error = await failureOf(load(fixture.troubled(300), key));
        expect(performance.now() - startedAtMs).toBeLessThan(300 + lateMs + control.longestMs);
        expect(error.message).toContain('within 300 ms');
        // The connection is let go, not kept for an answer that nobody waits for.
        await eventually(() => expect(requestsFor(key).every(({ sent }) => sent === false)).toBe(true));
      });

      it.each([407, 408, 500, 502, 503, 504, 599])('answers %i', async (status) => {
        const headers = { 'Retry-After': '7', 'Content-Type': 'text/plain' };
        const key = putTroubled({ status, headers, body: 'a word that nobody should see' });
        const error = await failureOf(load(fixture.troubled(), key));
        expect(error.message).toContain(`answered ${status}`);
        expect(error.message).not.toContain('nobody should see');
        expect(error.retryAfterSeconds).toBe(7);
        expect(error.retryable).toBe(true);
      });

      it.each([206, 304])('answers %i, which was not asked for', async (status) => {
        const key = putTroubled({ status, body: status === 304 ? '' : 'part' });
        await failureOf(load(fixture.troubled(), key));
      });

      it.each(['cut', 'followed by garbage', 'coded otherwise than it says'])(
        'sends a coded body that is %s',
        async (how) => {
          const whole = encode('gzip', Buffer.from('the value '.repeat(100)));
          const bodies: Record<string, Buffer> = {
            cut: whole.subarray(0, -5),
            'followed by garbage': Buffer.concat([whole, Buffer.from('garbage')]),
          };
          const key = putTroubled('normal', bodies[how] ?? Buffer.from('plain'), {
            'Content-Encoding': 'gzip',
          });
          const error = await failureOf(load(fixture.troubled(), key));
          expect(error.message).toContain('no whole gzip data');
        },
      );

      it('sends a body in a coding that nobody here can decode', async () => {
        const key = putTroubled('normal', 'value', { 'Content-Encoding': 'compress' });
        expect((await failureOf(load(fixture.troubled(), key))).message).toContain('"compress"');
      });

      it('answers 304 to a question without a validator of its own', async () => {
        const key = putTroubled({ status: 304 });
        await failureOf(load(fixture.troubled(), key, { validators: {} }));
      });

      it.each(['http', 'https'])('redirects to another %s host, which is not asked', async (scheme) => {
        for (const status of [301, 302, 303, 307, 308]) {
          // What is asked by its name would be asked at the same place.
          const elsewhere = `${fixture.server.url.replace(/^https?/u, scheme).replace('127.0.0.1', 'localhost')}/elsewhere`;
          const key = putTroubled({ status, headers: { Location: elsewhere } });
          await failureOf(load(fixture.troubled(), key));
        }
        expect(fixture.server.loads('/elsewhere')).toBe(0);
      });

      it('refuses connections, and answers again when it is back', async () => {
        const key = putTroubled('normal');
        const origin = fixture.troubled();
        expect(await load(origin, key)).toMatchObject({ kind: 'answered' });
        await fixture.server.down();
        try {
          const error = await failureOf(load(origin, key));
          expect(error.message).toContain('ECONNREFUSED');
        } finally {
          await fixture.server.up();
        }
        expect(await load(origin, key)).toMatchObject({ kind: 'answered' });
      });

      it('resets every connection: it is asked again once, however many idle ones there are', async () => {
        const origin = fixture.troubled();
        fixture.server.delayMs = 50;
        const keys = Array.from({ length: 30 }, () => putTroubled('normal'));
        await Promise.all(keys.map(async (key) => load(origin, key)));
        fixture.server.delayMs = 0;
        const key = putTroubled('no-answer');
        await failureOf(load(origin, key));
        expect(requestsFor(key)).toHaveLength(2);
      });

      it('closes idle connections: that is not a failure', async () => {
        const origin = fixture.troubled();
        const key = putTroubled('normal');
        for (let times = 0; times < 5; times += 1) {
          await Promise.all(Array.from({ length: 10 }, async () => load(origin, key)));
          await fixture.server.down();
          await fixture.server.up();
          expect(await load(origin, key)).toMatchObject({ kind: 'answered' });
        }
      });
    });

    describe('given up by its caller', () => {
      it('ends at once and lets the connection go', async () => {
        for (const behaviour of ['hang', 'stall'] as const) {
          const key = putTroubled(behaviour);
          const giveUp = new AbortController();
          const loading = failureOf(load(fixture.troubled(), key, { signal: giveUp.signal }));
          await eventually(() => expect(requestsFor(key)).toHaveLength(1));
          await sleep(50);
          using control = startControl(async () => {});
          const startedAtMs = performance.now();
          giveUp.abort();
          expect((await loading).message).toContain('given up');
          expect(performance.now() - startedAtMs).toBeLessThan(lateMs + control.longestMs);
          await eventually(() => expect(requestsFor(key).map(({ sent }) => sent)).toEqual([false]));
        }
      });

      it('beforehand does not ask', async () => {
        const key = putTroubled('normal');
        await failureOf(load(fixture.troubled(), key, { signal: AbortSignal.abort() }));
        expect(requestsFor(key)).toEqual([]);
      });
    });
  });
}
