// Programs that wait for an answer, and for nothing else: they get it before they end.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const run = promisify(execFile);
const exports = new URL('../../src/exports/', import.meta.url).href;
// Port 1: nothing listens there.
const common = `
import { createCache } from '${exports}cache.ts';
import { createRedis, createRedisAuth } from '${exports}redis.ts';
const credential = { getToken: () => new Promise(() => {}) };
const cacheAt = { hostname: '127.0.0.1', port: 1, tls: false, credential, timeoutMs: 300 };
const codeOf = (promise) => promise.then(() => 'fulfilled', ({ code, message }) => code ?? message);
`;

/** What it prints, by lines; it fails where the program ends before its last statement (code 13). */
async function linesOf(program: string): Promise<readonly string[]> {
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', common + program]);
  return stdout.trim().split('\n');
}

describe('a program', () => {
  it('gets the answer of each call, and the end of close(), though nothing else keeps it alive', async () => {
    const lines = await linesOf(`
      const redis = createRedis(cacheAt);
      const cache = createCache({ redis });
      console.log(await codeOf(redis.run((client) => client.get('key'), { key: 'key' })));
      console.log((await cache.get('key')).kind, (await cache.getMany(['key']))[0].kind);
      console.log((await cache.set('key', 1)).kind, (await cache.delete('key')).kind);
      const lifetime = { ttlSeconds: 1, timeoutMs: 500 };
      console.log(await codeOf(cache.getOrSet('key', () => new Promise(() => {}), lifetime)));
      console.log(await codeOf(cache.wrap('name', () => new Promise(() => {}), lifetime)()));
      await redis.close();
      console.log('closed');
    `);
    const [first, ...others] = lines;
    expect(first).toMatch(/unavailable|deadline/u);
    expect(others).toEqual([
      'unavailable unavailable',
      'unavailable unavailable',
      'deadline-exceeded',
      'deadline-exceeded',
      'closed',
    ]);
  });

  it('gets the answer of a client of its own that waits for a token', async () => {
    const lines = await linesOf(`
      import { Redis } from 'ioredis';
      const auth = createRedisAuth({ credential });
      setTimeout(() => auth.close(), 300).unref();
      console.log(await codeOf(auth.credentialsProvider.credentials()));
      const late = createRedisAuth({ credential });
      const client = new Redis({ host: '127.0.0.1', port: 1, lazyConnect: true, connectTimeout: 300, retryStrategy: null });
      client.on('error', () => {});
      late.attachIoredis(client);
      console.log(await codeOf(client.get('key')));
    `);
    expect(lines).toEqual(['stopped', 'Connection is closed.']);
  });

  it('ends where it waits for nothing, whatever goes on behind it', async () => {
    const lines = await linesOf(`
      const redis = createRedis(cacheAt);
      createCache({ redis });
      redis.subscribe('news', () => {});
      createRedisAuth({ credential });
      console.log('end');
    `);
    expect(lines).toEqual(['end']);
  });
});
