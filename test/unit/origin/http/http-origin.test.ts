import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createHttpOrigin } from '../../../../src/origin/http/http-origin.ts';
import type { LoadOptions, Origin } from '../../../../src/origin/origin.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { startOriginServer, type OriginServer } from '../../../support/origin-server.ts';

let clock: FakeClock;
let server: OriginServer;
let origin: Origin;

beforeEach(async () => {
  clock = new FakeClock();
  server = await startOriginServer();
  origin = originAt('/{key}');
});
afterEach(async () => server.stop());

const originAt = (path: string, more: object = {}): Origin =>
  createHttpOrigin({ urlTemplate: `${server.url}${path}`, clock, timeLimitMs: 1000, ...more });
const load = (key: string, more: Partial<LoadOptions> = {}, from = origin) =>
  from.load(key, { maxBytes: 1000, signal: new AbortController().signal, ...more });
const redirect = (location: string, status = 302, headers: Record<string, string> = {}) => ({
  body: '',
  behaviour: { status, headers: { Location: location, ...headers } },
});

describe('an entry', () => {
  it('is what its URL answers, with the fields that are kept', async () => {
    server.put('/a', { body: 'value', headers: { 'X-Kept': 'yes', 'X-Other': 'no' } });
    const answer = await load('a', {}, originAt('/{key}', { keepHeaders: ['x-kept'], maxSockets: 1 }));
    expect(answer).toMatchObject({ kind: 'answered', status: 200, fields: { 'x-kept': 'yes' } });
    expect(answer).not.toHaveProperty('fields.x-other');
    expect(server.requests[0]?.headers['user-agent']).toBe('redis-entra-functions');
    expect(clock.pendingTimers).toBe(0);
  });

  it('is asked for with its query where the key has one', async () => {
    server.put('/a?b=c', { body: 'value' });
    expect(await load('a?b=c', {}, originAt('/{key}', { isQueryInKey: true }))).toMatchObject({
      kind: 'answered',
    });
  });

  it('that no URL can name is none, and is not asked for', async () => {
    expect(await load('..')).toEqual({ kind: 'none', status: 404, fields: {} });
    expect(server.requests).toEqual([]);
  });

  it.each([404, 410] as const)('is none where the origin answers %i', async (status) => {
    server.put('/a', { body: '', behaviour: { status } });
    expect(await load('a')).toMatchObject({ kind: 'none', status });
  });

  it('is unchanged where the origin says so when it was asked', async () => {
    server.put('/a', { body: 'value' });
    const first = await load('a');
    const etag = first.kind === 'answered' ? first.fields['etag'] : undefined;
    expect(await load('a', { validators: { etag } })).toMatchObject({ kind: 'unchanged' });
    server.put('/b', { body: '', behaviour: { status: 304 } });
    await expect(load('b')).rejects.toThrow('answered 304');
  });
});

describe('a redirect', () => {
  it('is followed on the same origin, and limits what may be stored', async () => {
    server.put('/a', redirect('/b', 301, { 'Cache-Control': 'no-store' }));
    server.put('/b', { body: 'value' });
    expect(await load('a')).toMatchObject({
      kind: 'answered',
      restrictions: [{ kind: 'forbidden', noStore: true }],
    });
  });

  it.each([
    ['to another host', 'http://other.example/b', /off its host/u],
    ['with a user name', 'http://user@HOST/b', /off its host/u],
    ['to no URL', 'http://[', /no URL/u],
    ['to itself', '/a', /more than 3 times/u],
  ])('%s is not followed', async (_where, location, message) => {
    server.put('/a', redirect(location.replace('HOST', new URL(server.url).host)));
    await expect(load('a')).rejects.toThrow(message);
  });

  it('without a target is an answer', async () => {
    server.put('/a', { body: '', behaviour: { status: 302 } });
    expect(await load('a')).toMatchObject({ kind: 'answered', status: 302 });
  });
});

describe('a failure', () => {
  it.each([500, 503, 206, 407, 408])('is a status of %i', async (status) => {
    server.put('/a', { body: '', behaviour: { status } });
    await expect(load('a')).rejects.toMatchObject({ code: 'origin-failed', isOfOneEntry: false });
  });

  it('says when to ask again where the origin does', async () => {
    server.put('/a', { body: '', behaviour: { status: 503, headers: { 'Retry-After': '7' } } });
    await expect(load('a')).rejects.toMatchObject({ retryAfterSeconds: 7 });
  });

  it('may be stored where the origin says for how long', async () => {
    server.put('/a', { body: 'x', behaviour: { status: 503, headers: { 'Cache-Control': 'max-age=9' } } });
    expect(await load('a')).toMatchObject({ kind: 'answered', status: 503 });
  });

  it('is no answer in time', async () => {
    server.put('/a', { body: 'value', behaviour: 'hang' });
    const outcome = expect(load('a')).rejects.toThrow('within 1000 ms');
    await clock.advance(1000);
    await outcome;
    expect(clock.pendingTimers).toBe(0);
  });
});
