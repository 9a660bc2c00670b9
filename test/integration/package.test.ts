// What is deployed: it runs where there is nothing else, and holds no secret.

import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { packagedApp, startLocalApp } from '../support/local-app.ts';

it('the packaged folder, copied to an empty place, serves the cache', async () => {
  const elsewhere = await mkdtemp(join(tmpdir(), 'packaged-app-'));
  try {
    await cp(packagedApp, elsewhere, { recursive: true });
    const files = await readdir(elsewhere);
    expect(files).toEqual(expect.arrayContaining(['host.json', 'main.mjs', 'package.json']));
    // The rest are the parts that are loaded on first use.
    const others = files.filter((file) => !['host.json', 'main.mjs', 'package.json'].includes(file));
    expect(others.filter((file) => !/^[\w-]+-[A-Z0-9]{8}\.mjs$/u.test(file))).toEqual([]);
    await using app = await startLocalApp({ appDirectory: elsewhere });
    const body = 'from elsewhere';
    expect((await app.fetch('/api/cache/key', { method: 'PUT', body })).status).toBe(201);
    expect(await (await app.fetch('/api/cache/key')).text()).toBe(body);
  } finally {
    await rm(elsewhere, { recursive: true });
  }
});

it('registers the functions of the contract', async () => {
  await using app = await startLocalApp();
  const response = await app.fetch('/admin/functions');
  const names = ((await response.json()) as { name: string }[]).map(({ name }) => name);
  expect(names.toSorted()).toEqual([
    'fleet',
    'live',
    'readBatch',
    'readCache',
    'ready',
    'reauthenticate',
    'removeCache',
    'scheduledWarmup',
    'writeCache',
  ]);
});

it('no credential but tokens exists: not in settings, environment or command line of the app, nor in Redis', async () => {
  await using app = await startLocalApp();
  expect(Object.keys(app.stack.settings).filter((name) => /password|secret|key/iu.test(name))).toEqual([]);
  const users = (await app.stack.redis.admin('ACL', 'LIST')) as string[];
  expect(users.find((user) => user.startsWith('user default '))).toMatch(/^user default off /u);
  for (const { pid } of app.host.instances) {
    const environment = (await readFile(`/proc/${pid}/environ`, 'utf8')).split('\0');
    const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8');
    // IDENTITY_HEADER authenticates the call to the identity endpoint, as on App Service; it opens no Redis.
    const suspicious = environment.filter((line) => /password|secret|(?:^|_)key/iu.test(line));
    expect(suspicious).toEqual([]);
    expect(commandLine).not.toMatch(/password|secret|eyJ/iu);
  }
});
