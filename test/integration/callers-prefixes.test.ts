// Two teams and somebody who may name all keys, on one packaged app: whatever they ask, nothing of another prefix is
// read, written, removed, purged, or told to exist.

import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startLocalApp, type LocalApp } from '../support/local-app.ts';
import { heldApp } from '../support/openapi-contract.ts';

const prefixes = { shop: 'shop/', web: 'web/', all: '' } as const;
type Name = keyof typeof prefixes;

let app: LocalApp;
const bearers = new Map<Name, string>();
beforeAll(async () => {
  app = await startLocalApp({
    memory: true,
    settings: ({ callerSettings }) => ({
      ...callerSettings,
      CACHE_KEY_PREFIX: 'team:',
      HTTP_ENTRA_PREFIXES: JSON.stringify({ 'Team.shop': 'shop/', 'Team.web': 'web/' }),
    }),
  });
  const headers = { Authorization: `Bearer ${await app.stack.callers.token()}` };
  app = await heldApp(app, headers);
  for (const name of Object.keys(prefixes) as Name[]) {
    const roles = ['Cache.Read', 'Cache.Write', 'Cache.Purge', `Team.${name}`];
    bearers.set(name, await app.stack.callers.token({ roles }));
  }
});
afterAll(async () => app?.stop());

interface Held {
  readonly value: string;
  readonly tags: readonly string[];
  readonly etag: string;
}

const key = fc.constantFrom('shop/1', 'shop/2', 'web/1', 'web/2', 'shop', 'shopping/1', 'Shop/1', 'x/shop/1');
const tag = fc.constantFrom('red', 'green');
const condition = fc.constantFrom('none', 'none', 'absent', 'same', 'other');
/** So weighed that what is written is also read, by who may: that none of twelve sequences has a hit is one chance in 10^5. */
const step = fc.record({
  by: fc.constantFrom<Name>('shop', 'web', 'all'),
  ask: fc.oneof(
    { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('get', 'head'), key }) },
    {
      weight: 3,
      arbitrary: fc.record({ kind: fc.constant('put'), key, tags: fc.subarray(['red', 'green']), condition }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('delete'), key, condition }) },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('batch'),
        keys: fc.array(key, { minLength: 1, maxLength: 3 }),
      }),
    },
    {
      weight: 1,
      arbitrary: fc
        .record({
          keys: fc.array(key, { maxLength: 1 }),
          prefixes: fc.array(fc.constantFrom('', 's', 'shop/', 'shop/1', 'web/', 'x'), { maxLength: 1 }),
          tags: fc.array(tag, { maxLength: 1 }),
        })
        .map((targets) => ({ kind: 'purge' as const, ...targets })),
    },
  ),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** What the three are told, and the cache holds, as the page about HTTP has it. */
class Model {
  readonly held = new Map<string, Held>();
  #written = 0;

  async check({ by, ask }: Step): Promise<string> {
    const own = prefixes[by];
    const named = 'key' in ask ? [ask.key] : [...ask.keys, ...('prefixes' in ask ? ask.prefixes : [])];
    const isAllowed = named.every((name) => name.startsWith(own));
    const answer = await this.#answer(by, ask);
    if (isAllowed && (ask.kind !== 'purge' || ask.keys.length + ask.prefixes.length + ask.tags.length > 0)) {
      return answer.expected(own);
    }
    const { status, body, headers } = answer;
    expect(status).toBe(isAllowed ? 400 : 403);
    if (isAllowed) return 'invalid';
    // Of what there is, nothing: every one of these is the same.
    const told = headers.get('etag') ?? headers.get('cache-status') ?? headers.get('age');
    expect(told).toBeNull();
    if (ask.kind !== 'head') {
      expect(JSON.parse(body)).toEqual({
        title: 'The caller may not name such a key',
        status: 403,
        code: 'prefix-forbidden',
        detail: `All keys and prefixes of this caller begin with ${JSON.stringify(own)}.`,
      });
    }
    return `${ask.kind} forbidden`;
  }

  async #answer(by: Name, ask: Step['ask']) {
    const headers = new Headers({ Authorization: `Bearer ${bearers.get(by)}` });
    const sent = async (method: string, path: string, content?: unknown) => {
      const isText = typeof content === 'string';
      const body = content === undefined ? {} : { body: isText ? content : JSON.stringify(content) };
      const response = await app.fetch(`/api/${path}`, { method, headers, ...body });
      return { status: response.status, headers: response.headers, body: await response.text() };
    };
    switch (ask.kind) {
      case 'get':
      case 'head': {
        const answer = await sent(ask.kind.toUpperCase(), `cache/${ask.key}`);
        const held = this.held.get(ask.key);
        const expected = (): string => {
          expect(answer.status).toBe(held === undefined ? 404 : 200);
          if (ask.kind === 'get' && held !== undefined) expect(answer.body).toBe(held.value);
          return held === undefined ? 'miss' : 'hit';
        };
        return { ...answer, expected };
      }
      case 'put':
      case 'delete': {
        const held = this.held.get(ask.key);
        const isAbsent = ask.kind === 'put' && ask.condition === 'absent';
        if (isAbsent) headers.set('If-None-Match', '*');
        if (ask.condition === 'same') headers.set('If-Match', held?.etag ?? '"none"');
        if (ask.condition === 'other') headers.set('If-Match', '"other"');
        const { tags } = ask.kind === 'put' ? ask : { tags: [] };
        if (tags.length > 0) headers.set('Cache-Tag', tags.join(', '));
        const value = `value ${(this.#written += 1)}`;
        const answer = await sent(
          ask.kind.toUpperCase(),
          `cache/${ask.key}`,
          ask.kind === 'put' ? value : undefined,
        );
        const expected = (): string => {
          const fails =
            (isAbsent && held !== undefined) ||
            ask.condition === 'other' ||
            (ask.condition === 'same' && held === undefined);
          if (fails) {
            expect(answer.status).toBe(412);
            return 'precondition failed';
          }
          const isNew = ask.kind === 'put' && held === undefined;
          // What is purged goes when it is next read: a write without a condition may find it in its place.
          const isEither = isNew && ask.condition === 'none';
          expect(isEither ? [201, 204] : [isNew ? 201 : 204]).toContain(answer.status);
          if (ask.kind === 'delete') this.held.delete(ask.key);
          else this.held.set(ask.key, { value, tags, etag: answer.headers.get('etag') ?? '' });
          return ask.kind;
        };
        return { ...answer, expected };
      }
      case 'batch': {
        const answer = await sent('POST', 'batch', { keys: ask.keys });
        const expected = (): string => {
          const { results } = JSON.parse(answer.body) as {
            results: readonly { status: string; value?: string }[];
          };
          const told = results.map(({ status, value }) => (status === 'hit' ? value : status));
          expect(told).toEqual(ask.keys.map((name) => this.held.get(name)?.value ?? 'miss'));
          return 'batch';
        };
        return { ...answer, expected };
      }
      case 'purge': {
        const { kind: _kind, ...targets } = ask;
        const answer = await sent('POST', 'purge', { ...targets, mode: 'remove' });
        const expected = (own: string): string => {
          expect(answer.status).toBe(200);
          for (const [name, { tags }] of this.held) {
            const isNamed =
              (ask.keys as readonly string[]).includes(name) ||
              ask.prefixes.some((prefix) => name.startsWith(prefix));
            const isTagged = name.startsWith(own) && ask.tags.some((one) => tags.includes(one));
            if (isNamed || isTagged) this.held.delete(name);
          }
          return 'purge';
        };
        return { ...answer, expected };
      }
    }
  }
}

it('is so of every sequence of requests', { timeout: 120_000 }, async () => {
  const seen = new Map<string, number>();
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 30, maxLength: 60 }), async (steps) => {
      const model = new Model();
      const everything = { kind: 'purge', keys: [], prefixes: [''], tags: [] } as const;
      await model.check({ by: 'all', ask: everything as never });
      for (const one of steps) {
        const what = await model.check(one);
        seen.set(what, (seen.get(what) ?? 0) + 1);
      }
      // As whoever may name all finds them.
      const left = await app.fetch('/api/batch', {
        method: 'POST',
        headers: { Authorization: `Bearer ${bearers.get('all')}` },
        body: JSON.stringify({
          keys: ['shop/1', 'shop/2', 'web/1', 'web/2', 'shop', 'shopping/1', 'Shop/1', 'x/shop/1'],
        }),
      });
      const { results } = (await left.json()) as { results: readonly { key: string; value?: string }[] };
      for (const { key: name, value } of results) expect(value).toBe(model.held.get(name)?.value);
    }),
    { numRuns: 12, endOnFailure: true },
  );
  for (const what of ['get', 'head', 'put', 'delete', 'batch', 'purge'])
    expect(seen.get(`${what} forbidden`)).toBeGreaterThan(0);
  for (const what of ['hit', 'miss', 'put', 'delete', 'batch', 'purge'])
    expect(seen.get(what)).toBeGreaterThan(0);
});
