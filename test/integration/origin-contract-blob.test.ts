// The blob origin: the contract of all origins, on Azurite and the local identity endpoint with their real tokens.
// What Azurite cannot be told to do, a server does that answers as storage would.

import { createHash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Stack } from '../../local/stack.ts';
import type { LocalStorage } from '../../local/storage.ts';
import { userAssigned } from '../../local/token-issuer.ts';
import { createCredential } from '../../src/auth/credential.ts';
import { systemClock } from '../../src/util/clock.ts';
import { createBlobOrigin } from '../../src/origin/blob/blob-origin.ts';
import type { ListedPage, Origin } from '../../src/origin/origin.ts';
import { describeOrigin, failureOf, load } from '../contract/origin.ts';
import { eventually } from '../support/eventually.ts';
import { startOriginServer, type OriginServer } from '../support/origin-server.ts';
import { adoptStack } from '../support/shared-client.ts';
import { startStack } from '../support/stack.ts';

let stack: Stack;
let storage: LocalStorage;
let server: OriginServer;

const azureError = (status: number, code: string, headers: Record<string, string> = {}) => ({
  status,
  headers: { 'x-ms-error-code': code, 'Content-Type': 'application/xml', ...headers },
  body: `<?xml version="1.0"?><Error><Code>${code}</Code><Message>What storage says.</Message></Error>`,
});

beforeAll(async () => {
  stack = await startStack();
  adoptStack(stack);
  storage = stack.storage ?? expect.unreachable();
  server = await startOriginServer(stack.certificates.server);
  server.missing = azureError(404, 'BlobNotFound');
  for (const container of ['contract', 'listed', 'empty']) await storage.createContainer(container);
});
afterAll(async () => {
  await server?.stop();
  await stack?.stop();
});

const encoded = (name: string): string =>
  encodeURIComponent(name)
    .replaceAll('%2F', '/')
    .replaceAll(/[!'()*]/gu, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`);
const targetOf = (key: string): string => `/account/container/${encoded(key)}`;

function originOver(containerUrl: string, timeLimitMs = 20_000): Origin {
  const credential = createCredential({ kind: 'managed-identity', clientId: undefined });
  return createBlobOrigin({ containerUrl, credential, clock: systemClock, timeLimitMs });
}
const onAzurite = (container: string): Origin => originOver(`${storage.blobUrl}/${container}`);
const troubled = (timeLimitMs?: number): Origin => originOver(`${server.url}/account/container`, timeLimitMs);

async function putBlob(
  container: string,
  name: string,
  body: string | Buffer,
  headers: Record<string, string> = {},
): Promise<void> {
  const answer = await storage.request(
    'PUT',
    `/${container}/${encoded(name)}`,
    { 'x-ms-blob-type': 'BlockBlob', 'Content-Type': 'text/plain', ...headers },
    Buffer.from(body),
  );
  expect(answer.status).toBe(201);
}

describeOrigin('blob', async () => ({
  origin: onAzurite('contract'),
  put: (key, body, { contentType, contentEncoding, cacheControl, tags } = {}) =>
    putBlob('contract', key, body, {
      ...(contentType === undefined ? {} : { 'x-ms-blob-content-type': contentType }),
      ...(contentEncoding === undefined ? {} : { 'x-ms-blob-content-encoding': contentEncoding }),
      ...(cacheControl === undefined ? {} : { 'x-ms-blob-cache-control': cacheControl }),
      ...(tags === undefined ? {} : { 'x-ms-meta-cachetags': tags }),
    }),
  async remove(key) {
    expect((await storage.request('DELETE', `/contract/${encoded(key)}`)).status).toBe(202);
  },
  server,
  targetOf,
  troubled,
  async [Symbol.asyncDispose]() {},
}));

describe('the blob origin by itself', () => {
  const put = (key: string, headers: Record<string, string | undefined>, body = 'value'): void =>
    server.put(targetOf(key), { body, headers });
  const pagesOf = async (origin: Origin, prefix: string, continuationToken?: string) => {
    const { listing = expect.unreachable() } = origin;
    const pages: ListedPage[] = [];
    const { signal } = new AbortController();
    for await (const page of listing.pages(prefix, { continuationToken, signal })) pages.push(page);
    return pages;
  };
  afterEach(() => stack.identity.setBehaviour('normal'));

  it('sends its token to the container and asks for nothing else', async () => {
    put('token', {});
    await load(troubled(), 'token');
    const { headers, method } = server.requests.at(-1) ?? expect.unreachable();
    const token = /^Bearer (eyJ\S+)$/u.exec(headers.authorization ?? '')?.[1] ?? '';
    const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as {
      aud: string;
    };
    expect(claims.aud).toBe('https://storage.azure.com');
    expect(method).toBe('GET');
    expect(headers['user-agent']).toMatch(/^redis-entra-functions\b/u);
  });

  it.each([
    ['AuthorizationPermissionMismatch', 403, 'Storage Blob Data Reader'],
    ['AuthorizationFailure', 403, 'network rules'],
    ['ContainerNotFound', 404, 'ORIGIN_BLOB_CONTAINER_URL'],
    ['InvalidAuthenticationInfo', 401, 'tenant'],
  ])('says what to do about %s', async (code, status, remedy) => {
    server.put(targetOf('remedy'), { body: '', behaviour: azureError(status, code) });
    const { message } = await failureOf(load(troubled(), 'remedy'));
    expect(message).toContain(`answered ${status} ${code}`);
    expect(message).toContain(remedy);
  });

  it('takes only the word of storage for it that there is no such blob', async () => {
    server.put(targetOf('404'), { body: '', behaviour: { status: 404, body: 'a proxy' } });
    await failureOf(load(troubled(), '404'));
    await failureOf(load(onAzurite('no-such-container'), 'any'));
  });

  it('asks a second time where storage is busy for a moment', async () => {
    server.put(targetOf('busy'), { body: '', behaviour: azureError(503, 'ServerBusy') });
    server.delayMs = 200;
    const loading = load(troubled(), 'busy');
    await eventually(() => expect(server.loads(targetOf('busy'))).toBe(1));
    put('busy', {});
    server.delayMs = 0;
    expect(await loading).toMatchObject({ kind: 'answered' });
  });

  it.each(['chunked', 'endless', 'no-length'] as const)(
    'fails where no length is announced: %s',
    async (behaviour) => {
      server.put(targetOf('chunked'), { body: Buffer.alloc(65_536), behaviour });
      await failureOf(load(troubled(), 'chunked'));
    },
  );

  it('fails where the bytes are part of a blob, or not those of the checksum', async () => {
    put('wrong', { 'Content-Range': 'bytes 0-4/10' });
    await failureOf(load(troubled(), 'wrong'));
    put('wrong', { 'Content-MD5': createHash('md5').update('another value').digest('base64') });
    await failureOf(load(troubled(), 'wrong'));
    put('wrong', { 'Content-MD5': createHash('md5').update('value').digest('base64') });
    expect(await load(troubled(), 'wrong')).toMatchObject({ kind: 'answered' });
  });

  it('fails in time without a token, and works again with one', async () => {
    put('tokenless', {});
    // Of an identity whose token nobody has asked for: MSAL remembers those it has, whichever credential asks.
    const credential = createCredential({ kind: 'managed-identity', clientId: userAssigned.clientId });
    const containerUrl = `${server.url}/account/container`;
    const within = (timeLimitMs: number): Origin =>
      createBlobOrigin({ containerUrl, credential, clock: systemClock, timeLimitMs });
    stack.identity.setBehaviour('hang');
    expect((await failureOf(load(within(300), 'tokenless'))).message).toContain('within 300 ms');
    const origin = within(20_000);
    stack.identity.setBehaviour('fail');
    expect((await failureOf(load(origin, 'tokenless'))).message).toContain('could not be asked');
    expect(server.loads(targetOf('tokenless'))).toBe(0);
    stack.identity.setBehaviour('normal');
    await eventually(async () => expect(await load(origin, 'tokenless')).toMatchObject({ kind: 'answered' }));
  });

  it('lists what is under a prefix page by page, in any process from any page on', async () => {
    const names = Array.from({ length: 1100 }, (_, index) => `page/${`${index}`.padStart(4, '0')} ü&<>`);
    for (let at = 0; at < names.length; at += 50) {
      await Promise.all(names.slice(at, at + 50).map(async (name) => putBlob('listed', name, name)));
    }
    await putBlob('listed', 'other/1', 'x');
    const pages = await pagesOf(onAzurite('listed'), 'page/');
    expect(pages.map(({ entries }) => entries.length)).toEqual([1000, 100]);
    const entries = pages.flatMap((page) => page.entries);
    expect(entries.map(({ key }) => key)).toEqual(names);
    expect(entries.every(({ key, bytes }) => bytes === Buffer.byteLength(key))).toBe(true);
    // What a listing says is current is what a load says.
    const { key, etag } = entries[700] ?? expect.unreachable();
    expect(await load(onAzurite('listed'), key)).toMatchObject({ kind: 'answered', fields: { etag } });
    const validators = { etag };
    expect(await load(onAzurite('listed'), key, { validators })).toMatchObject({ kind: 'unchanged' });

    const [first] = pages;
    const rest = await pagesOf(onAzurite('listed'), 'page/', first?.continuationToken);
    expect(rest.flatMap((page) => page.entries.map((entry) => entry.key))).toEqual(names.slice(1000));
    const all = await pagesOf(onAzurite('listed'), '');
    expect(all.flatMap((page) => page.entries)).toHaveLength(1101);
  });

  it('has no directories of a hierarchical namespace, nor lists them', async () => {
    const directory = { 'x-ms-meta-hdi_isfolder': 'true' };
    await putBlob('listed', 'folder', '', directory);
    await putBlob('listed', 'folder/file', 'value', { 'x-ms-meta-CacheTags': 'a, b' });
    expect(await load(onAzurite('listed'), 'folder')).toMatchObject({ kind: 'none' });
    const pages = await pagesOf(onAzurite('listed'), 'folder');
    const entries = pages.flatMap((page) => page.entries);
    const tagging = { tags: ['a', 'b'], restrictions: [] };
    expect(entries).toMatchObject([{ key: 'folder/file', tagging }]);
  });

  it('lists nothing where there is nothing', async () => {
    const nothing = [{ entries: [], continuationToken: undefined }];
    expect(await pagesOf(onAzurite('empty'), '')).toEqual(nothing);
    expect(await pagesOf(onAzurite('listed'), 'no/such/prefix')).toEqual(nothing);
  });

  it.each(['cut', 'hang', 'no-length', 'not-http'] as const)(
    'fails a listing that cannot be trusted: %s',
    async (behaviour) => {
      const xml = '<?xml version="1.0"?><EnumerationResults><Blobs/><NextMarker/></EnumerationResults>';
      const target = '/account/container?restype=container&comp=list&include=metadata&maxresults=1000';
      const headers = { 'Content-Type': 'application/xml' };
      server.put(target, { body: xml, headers, behaviour: 'normal' });
      expect(await pagesOf(troubled(), '')).toEqual([{ entries: [], continuationToken: undefined }]);
      server.put(target, { body: xml, headers, behaviour });
      await failureOf(pagesOf(troubled(500), ''));
    },
  );

  it('fails a listing of no container', async () => {
    const { message } = await failureOf(pagesOf(onAzurite('no-such-container'), ''));
    expect(message).toContain('ContainerNotFound');
  });
});
