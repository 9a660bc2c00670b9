// What a start loads of the package, and that nothing is missing for what it leaves for later.

import { cp, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import * as redis from 'redis';
import { build } from 'rolldown';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { adminUser } from '../../local/redis-config.ts';
import { startRedisServer, type RedisServer } from '../../local/redis-server.ts';
import { lazyCommands, restFile, restOfCommands } from '../../scripts/package/lazy-commands.ts';
import { packagedApp, startLocalApp } from '../support/local-app.ts';
import { eventually } from '../support/eventually.ts';

const ofEveryStart = /^(?:main|start|shared|app|rolldown-runtime)(?:-[\w-]{8})?\.mjs$/u;

/** A copy of the package without the files that are loaded on first use and fit. */
async function packageWithout(folder: string, fits: (file: string) => boolean): Promise<string[]> {
  await cp(packagedApp, folder, { recursive: true });
  const parts = (await readdir(folder)).filter((file) => /\.[cm]js$/u.test(file) && fits(file));
  for (const file of parts) await rm(join(folder, file));
  return parts;
}

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'package-parts-'));
});
afterAll(async () => rm(folder, { recursive: true, force: true }));

it('starts, reads, writes and renews with the files that every start loads', async () => {
  const appDirectory = join(folder, 'start');
  const later = await packageWithout(appDirectory, (file) => !ofEveryStart.test(file));
  expect(later).toEqual(expect.arrayContaining([restFile, 'azure-monitor.mjs']));
  await using app = await startLocalApp({
    appDirectory,
    memory: true,
    settings: { CACHE_WRITES: 'enabled' },
  });
  const url = '/api/cache/greeting';
  expect((await app.fetch(url, { method: 'PUT', body: 'hello' })).status).toBe(201);
  expect(await (await app.fetch(url)).text()).toBe('hello');
  const rollCall = await app.fetch('/admin/functions/reauthenticate', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{}',
  });
  expect(rollCall.status).toBe(202);
  const ended = (): boolean => app.host.logs().some(({ message }) => message.startsWith('rollCallEnded'));
  await eventually(() => expect(ended()).toBe(true));
  expect((await app.fetch(url, { method: 'DELETE' })).status).toBe(204);
});

it('finds the workload identity of Kubernetes, which is loaded where it is configured', async () => {
  const tokenFile = join(folder, 'absent');
  await using app = await startLocalApp({
    untilReady: false,
    settings: {
      AZURE_CLIENT_ID: 'a workload',
      AZURE_TENANT_ID: 'a-tenant',
      AZURE_FEDERATED_TOKEN_FILE: tokenFile,
    },
  });
  const log = (): string =>
    app.host
      .logs()
      .map(({ message }) => message)
      .join('\n');
  await eventually(() => expect(log()).toContain(`'${tokenFile}'`));
});

describe('the client of node-redis in the package', () => {
  let server: RedisServer;
  let bundled: typeof redis;
  beforeAll(async () => {
    server = await startRedisServer({ password: 'of-the-test' });
    // As the app is bundled, but with the client for all to use.
    const source = join(folder, 'client.ts');
    await writeFile(
      source,
      `export { createClient, createCluster } from ${JSON.stringify(import.meta.resolve('redis'))};`,
    );
    const options = { write: false, platform: 'node' } as const;
    const parts = [
      await build({
        ...options,
        input: { client: source },
        plugins: [lazyCommands],
        output: { entryFileNames: '[name].mjs' },
      }),
      await build({
        ...options,
        input: restOfCommands.input,
        plugins: [restOfCommands.plugin],
        output: restOfCommands.output,
      }),
    ];
    for (const { output } of parts)
      for (const { fileName, ...file } of output)
        if (file.type === 'chunk') await writeFile(join(folder, fileName), file.code);
    bundled = (await import(pathToFileURL(join(folder, 'client.mjs')).href)) as typeof redis;
  });
  afterAll(async () => server.stop());

  const connect = async () => {
    const client = bundled.createClient({
      socket: { host: '127.0.0.1', port: server.port },
      username: adminUser,
      password: 'of-the-test',
    });
    return client.connect();
  };
  it('has every command, those of modules and those of transactions too', () => {
    const options = { rootNodes: [], minimizeConnections: true };
    for (const make of [
      ({ createClient }: typeof redis) => createClient(),
      ({ createClient }: typeof redis) => createClient().multi(),
      ({ createClient }: typeof redis) => createClient().json,
      ({ createClient }: typeof redis) => createClient().ts,
      ({ createClient }: typeof redis) => createClient().bf,
      ({ createCluster }: typeof redis) => createCluster(options),
      ({ createCluster }: typeof redis) => createCluster(options).multi(),
    ]) {
      expect(methodsOf(make(bundled))).toEqual(methodsOf(make(redis)));
    }
  });

  it('runs commands that were there at the start, others, and transactions of both', async () => {
    const client = await connect();
    try {
      await client.set('counter', '41');
      expect(await client.incr('counter')).toBe(42);
      expect(await client.INCR('counter')).toBe(43);
      expect(await client.multi().get('counter').decr('counter').exec()).toEqual(['43', 42]);
      await client.zAdd('places', [{ score: 1, value: 'first' }]);
      expect(await client.zRangeWithScores('places', 0, -1)).toEqual([{ score: 1, value: 'first' }]);
      // No server with modules is here; that it says so shows what was sent.
      await expect(client.json.get('document')).rejects.toThrow("unknown command 'JSON.GET'");
      await expect(client.ft.info('index')).rejects.toThrow("unknown command 'FT.INFO'");
    } finally {
      client.destroy();
    }
  });
});

/** The names of everything that can be called on it, and on what it inherits from. */
function methodsOf(object: object): readonly string[] {
  const names = new Set<string>();
  for (
    let at: object | null = object;
    at !== null && at !== Object.prototype;
    at = Object.getPrototypeOf(at) as object | null
  ) {
    for (const name of Object.getOwnPropertyNames(at)) names.add(name);
  }
  return [...names].toSorted();
}
