// The typed client as it is published: on each Node.js, and for the compilers of Node.js and of browsers.

import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startLocalApp, type LocalApp } from '../support/local-app.ts';
import { parseMarkdown } from '../support/markdown.ts';
import { nodeVersions } from '../support/node-versions.ts';
import { compilerOutput, installLibrary, type UserFolder } from '../support/packed-library.ts';

const run = promisify(execFile);

/** Runs anywhere; returns JSON. */
const tour = `
export async function tour(createCacheClient, url) {
  const client = createCacheClient({ url, timeoutMs: 60_000 });
  const key = 'tour/ü ?#%/..';
  await client.delete(key);
  const put = await client.put(key, { json: { a: 'ü' } }, { ttlSeconds: 600, tags: ['tour'], ifAbsent: true });
  const again = await client.put(key, 'x', { ifAbsent: true });
  const hit = await client.get(key);
  const head = await client.head(key);
  const unchanged = await client.get(key, { ifNoneMatch: put.etag ?? '*' });
  await client.put('tour/bytes', new Uint8Array([255, 0, 254]));
  const batch = await client.batch(['tour/bytes', 'tour/none', key]);
  const missed = [await client.get('tour/none'), await client.head('tour/none')];
  const purge = await client.purge({ tags: ['tour'], mode: 'remove' });
  const after = await client.get(key);
  const fleet = await client.fleet();
  const error = await client.put('a', 'x', { ttlSeconds: 0 }).catch((thrown) => thrown);
  return {
    kinds: [put, again, hit, head, unchanged, ...batch, ...missed, purge, after, fleet].map(({ kind }) => kind),
    json: hit.json(),
    contentType: hit.contentType,
    shown: [typeof put.etag, hit.etag === put.etag, hit.source, hit.stale, typeof hit.ttlSeconds],
    bytes: [...batch[0].bytes()],
    text: batch[2].text(),
    error: [error.name, error.code, error.status],
  };
}
`;

const expected = {
  kinds: [
    'created',
    'precondition-failed',
    'hit',
    'hit',
    'not-modified',
    'hit',
    'miss',
    'hit',
    'miss',
    'miss',
    'purged',
    'miss',
    'fleet',
  ],
  json: { a: 'ü' },
  contentType: 'application/json',
  shown: ['string', true, 'redis', false, 'number'],
  bytes: [255, 0, 254],
  text: '{"a":"ü"}',
  error: ['CacheRequestError', 'invalid-ttl', 400],
};

let app: LocalApp;
let user: UserFolder;
beforeAll(async () => {
  [app, user] = await Promise.all([startLocalApp(), installLibrary([])]);
}, 180_000);
afterAll(async () => {
  await user?.[Symbol.asyncDispose]();
  await app?.stop();
});

it.each(nodeVersions)('on %s it does all of it, as an ES module and as CommonJS', async (node) => {
  await user.write({
    'package.json': JSON.stringify({ name: 'user', type: 'module' }),
    'tour.js': tour,
    'run.js': `
import { createRequire } from 'node:module';
import { createCacheClient } from 'redis-entra-functions/client';
import { tour } from './tour.js';
const [url] = process.argv.slice(2);
const required = createRequire(import.meta.url)('redis-entra-functions/client');
const results = [];
for (const make of [createCacheClient, required.createCacheClient]) results.push(await tour(make, url));
console.log(JSON.stringify(results));
`,
  });
  const { stdout } = await run(node, ['run.js', `${app.host.url}/api`], { cwd: user.path });
  expect(JSON.parse(stdout)).toEqual([expected, expected]);
});

/** What the programs of docs/package/client.md use without a word of where it is from. */
const surroundings = `
declare const client: import('redis-entra-functions/client').CacheClient;
declare const createCacheClient: typeof import('redis-entra-functions/client').createCacheClient;
declare const msal: {
  acquireTokenSilent(request: { scopes: string[] }): Promise<{ accessToken: string; expiresOn: Date | null }>;
};
declare module '@azure/identity' {
  class DefaultAzureCredential {
    getToken(scopes: string | string[], options?: object): Promise<{ token: string; expiresOnTimestamp: number } | null>;
  }
}
`;

// library-users.test.ts compiles it beside the types of Node.js.
it('compiles with the types of a browser alone, and so do the programs of its page', async () => {
  const page = await readFile(join(import.meta.dirname, '../../docs/package/client.md'), 'utf8');
  const blocks = parseMarkdown(page).sections.flatMap((section) => section.blocks);
  const programs = [...new Set(blocks.map(({ text }) => text))];
  expect(programs).toHaveLength(3);
  await user.write({
    ...Object.fromEntries(
      programs.map((text, index) => [`page/program-${index}.ts`, `${text}\nexport {};\n`]),
    ),
    'page/surroundings.d.ts': surroundings,
    'page/package.json': JSON.stringify({ name: 'page', type: 'module' }),
    'page/page.ts': `
import { createCacheClient, type GetResult } from 'redis-entra-functions/client';
const client = createCacheClient({ url: 'https://app.example/api', fetch, functionKey: async () => 'key' });
const text = (result: GetResult): string => {
  switch (result.kind) {
    case 'hit':
      return result.text();
    case 'miss':
    case 'not-modified':
    case 'precondition-failed':
      return result.kind;
    case 'unavailable':
      return result.code;
  }
};
export const words: Promise<string> = client.get('a', { signal: new AbortController().signal }).then(text);
`,
    'page/tsconfig.json': JSON.stringify({
      compilerOptions: {
        module: 'nodenext',
        target: 'es2022',
        lib: ['es2022', 'dom'],
        types: [],
        strict: true,
        exactOptionalPropertyTypes: true,
        noEmit: true,
      },
      include: ['*.ts'],
    }),
  });
  expect(await compilerOutput(join(user.path, 'page'))).toBe('');
});

it('is small, and imports nothing of Node.js and nothing else', async () => {
  const client = join(user.path, 'node_modules/redis-entra-functions/dist/client.js');
  const { outputFiles, metafile } = await build({
    entryPoints: [client],
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    write: false,
    metafile: true,
    logLevel: 'silent',
  });
  const inputs = Object.values(metafile.inputs).flatMap(({ imports }) => imports);
  expect(inputs.filter(({ external }) => external === true)).toEqual([]);
  const code = outputFiles[0]?.contents ?? new Uint8Array();
  expect(gzipSync(code).length).toBeLessThan(8 * 1024);
});
