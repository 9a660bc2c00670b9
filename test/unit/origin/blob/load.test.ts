import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadBlob } from '../../../../src/origin/blob/load.ts';
import type { LoadOptions } from '../../../../src/origin/origin.ts';
import { startStorage, type StorageFixture } from '../../../support/storage-service.ts';

let storage: StorageFixture;

beforeEach(async () => {
  storage = await startStorage();
});
afterEach(async () => storage[Symbol.asyncDispose]());

const load = (more: Partial<LoadOptions> = {}) =>
  loadBlob(storage.service, `${storage.server.url}/c/a`, {
    maxBytes: 1000,
    signal: new AbortController().signal,
    keepHeaders: [],
    ...more,
  });
const put = (headers: Record<string, string> = {}, body = 'value'): void =>
  storage.server.put('/c/a', { body, headers });
const answer = (status: number, code?: string, headers: Record<string, string> = {}): void =>
  storage.server.put('/c/a', {
    body: '',
    behaviour: {
      status,
      headers: { ...(code === undefined ? {} : { 'x-ms-error-code': code }), ...headers },
    },
  });

describe('a blob', () => {
  it('is asked for with the token and the version of the service', async () => {
    put();
    expect(await load()).toMatchObject({ kind: 'answered', status: 200 });
    expect(storage.server.requests[0]?.headers).toMatchObject({
      authorization: expect.stringMatching(/^Bearer token-until-/u),
      'x-ms-version': expect.any(String),
    });
  });

  it('is unchanged by its strong tag; a weak one is not sent', async () => {
    put();
    const first = await load();
    const etag = first.kind === 'answered' ? first.fields['etag'] : undefined;
    expect(await load({ validators: { etag } })).toMatchObject({ kind: 'unchanged' });
    expect(await load({ validators: { etag: `W/${etag}` } })).toMatchObject({ kind: 'answered' });
    expect(await load({ validators: {} })).toMatchObject({ kind: 'answered' });
  });

  it.each([{ 'x-ms-meta-hdi_isfolder': 'True' }, { 'x-ms-resource-type': 'directory' }])(
    'is none where it is a directory: %j',
    async (headers) => {
      put(headers, '');
      expect(await load()).toEqual({ kind: 'none', status: 404, fields: {} });
    },
  );

  it('is none only where storage says so', async () => {
    answer(404, 'BlobNotFound');
    expect(await load()).toMatchObject({ kind: 'none' });
    for (const [status, code] of [
      [404, 'ContainerNotFound'],
      [404, undefined],
      [404, 'not a code!'],
      [304, undefined],
    ] as const) {
      answer(status, code);
      await expect(load()).rejects.toMatchObject({ code: 'origin-failed' });
    }
  });

  it('is whole or a failure', async () => {
    const md5 = (text: string): string => createHash('md5').update(text).digest('base64');
    put({ 'Content-MD5': md5('value') });
    expect(await load()).toMatchObject({ kind: 'answered' });
    expect(await load({ maxBytes: 2 })).toEqual({ kind: 'too-large', bytes: 5 });
    put({ 'Content-MD5': md5('another') });
    await expect(load()).rejects.toMatchObject({ isOfOneEntry: true });
    put({ 'Content-Range': 'bytes 0-4/10' });
    await expect(load()).rejects.toMatchObject({ isOfOneEntry: true });
    storage.server.put('/c/a', { body: 'value', behaviour: 'chunked' });
    await expect(load()).rejects.toThrow('something else than a whole blob');
  });
});

describe('an error of storage', () => {
  it.each([
    [403, 'AuthorizationPermissionMismatch', 'Storage Blob Data Reader'],
    [403, 'Unknown', 'Storage Blob Data Reader'],
    [401, undefined, 'without an error code: give the identity'],
    [409, 'Unknown', 'answered 409 Unknown.'],
  ])('%i %s says what to do', async (status, code, remedy) => {
    answer(status, code);
    await expect(load()).rejects.toThrow(remedy);
  });

  it('says when to ask again', async () => {
    answer(429, 'Busy', { 'Retry-After': '9' });
    await expect(load()).rejects.toMatchObject({ retryAfterSeconds: 9 });
  });
});

describe('a request to storage', () => {
  it('is repeated once after a moment where storage is busy', async () => {
    answer(503, 'ServerBusy');
    const loading = load();
    await storage.until(() => storage.server.requests[0]?.sent === true);
    put();
    await storage.advanceUntil(() => storage.server.loads() === 2);
    expect(await loading).toMatchObject({ kind: 'answered' });
  });

  it('is repeated where the connection was lost, and no third time', async () => {
    storage.server.behaviour = 'no-answer';
    const outcome = expect(load()).rejects.toMatchObject({ code: 'ECONNRESET' });
    await storage.advanceUntil(() => storage.server.loads() === 2);
    await outcome;
    expect(storage.server.loads()).toBe(2);
  });

  it('is not repeated after another failure', async () => {
    storage.server.behaviour = 'not-http';
    await expect(load()).rejects.toThrow('not valid HTTP');
    expect(storage.server.loads()).toBe(1);
  });

  it('is not repeated where the caller gives up before', async () => {
    answer(503, 'ServerBusy');
    const caller = new AbortController();
    const outcome = expect(load({ signal: caller.signal })).rejects.toThrow('given up');
    await storage.until(() => storage.server.requests[0]?.sent === true);
    caller.abort(new Error('given up'));
    await outcome;
    expect(storage.server.loads()).toBe(1);
  });
});
