// What is deployed: it runs where there is nothing else, and holds no secret.

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { startHost } from '../../local/functions-host/host.ts';
import { packageApp } from '../../scripts/package.ts';
import { thirdPartyLicences } from '../../scripts/package/licences.ts';
import { eventually } from '../support/eventually.ts';
import { packagedApp, startLocalApp } from '../support/local-app.ts';
import { startStack } from '../support/stack.ts';

it('holds the app, its licences and nothing else', async () => {
  const files = await readdir(packagedApp, { recursive: true });
  const named = [
    'LICENSE',
    'THIRD-PARTY-LICENSES.txt',
    'host.json',
    'azure-monitor.mjs',
    'main.mjs',
    'package.json',
    'redis-commands.cjs',
  ];
  expect(files).toEqual(expect.arrayContaining(named));
  // The rest are the parts that are loaded on first use. No source, no map, no test, no local settings.
  const others = files.filter((file) => !named.includes(file));
  expect(others.filter((file) => !/^[\w-]+-[\w-]{8}\.mjs$/u.test(file))).toEqual([]);
  for (const file of files.filter((name) => /\.[cm]js$/u.test(name))) {
    expect(await readFile(join(packagedApp, file), 'utf8')).not.toContain('sourceMappingURL');
  }
});

it('every part can be parsed by Node.js, those that are loaded on first use too', async () => {
  const parts = (await readdir(packagedApp)).filter((file) => /\.[cm]js$/u.test(file));
  expect(parts.length).toBeGreaterThan(4);
  for (const part of parts) {
    await promisify(execFile)(process.execPath, ['--check', join(packagedApp, part)]);
  }
});

it('runs where no node_modules can be found', () => {
  expect(() => createRequire(join(packagedApp, 'main.mjs')).resolve('redis')).toThrow(/Cannot find module/u);
});

it('has the licence of every package whose code is in it', async () => {
  const text = await readFile(join(packagedApp, 'THIRD-PARTY-LICENSES.txt'), 'utf8');
  const sections = text.split(/^-{80}$/mu).slice(1);
  const names = sections.map((section) => section.trim().split(' ')[0]);
  expect(names).toEqual(
    expect.arrayContaining(['@azure/functions', '@azure/identity', '@redis/client', 'redis', 'saxes']),
  );
  // Every licence text in use here has one of these words; a bare title has none.
  expect(sections.filter((section) => !/copyright|permission|licensor/iu.test(section))).toEqual([]);
});

it('refuses to package what has no licence', async () => {
  await using elsewhere = await temporaryFolder();
  const folder = join(elsewhere.path, 'node_modules/unlicensed');
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'package.json'), JSON.stringify({ name: 'unlicensed', version: '1.0.0' }));
  await expect(thirdPartyLicences(elsewhere.path, ['node_modules/unlicensed/index.js'])).rejects.toThrow(
    'unlicensed is bundled and has no licence file',
  );
});

it('refuses to package more than the budget', async () => {
  await using elsewhere = await temporaryFolder();
  const tooMuch = packageApp({ outDirectory: elsewhere.path, budgetKibibytes: 100 });
  await expect(tooMuch).rejects.toThrow(
    /^The zip has \d+ KiB and may have 100\. The largest, unzipped: [\w-]+\.[cm]js /u,
  );
  expect(await readdir(elsewhere.path)).toEqual([]);
});

it('is the same, byte for byte, when it is made again', async () => {
  await using elsewhere = await temporaryFolder();
  const zips: Buffer[] = [];
  for (const name of ['first', 'second']) {
    const { zipPath } = await packageApp({ outDirectory: join(elsewhere.path, name) });
    zips.push(await readFile(zipPath));
  }
  const [first, second] = zips.map((zip) => createHash('sha256').update(zip).digest('hex'));
  expect(first).toBe(second);
  // Dates in the zip are those of 1980, not of today.
  const central = zips[0]?.indexOf(Buffer.from([0x50, 0x4b, 0x01, 0x02])) ?? -1;
  expect(zips[0]?.readUInt32LE(central + 12)).toBe(0x0021_0000);
});

it('asks for the first token before it loads the rest', async () => {
  await using elsewhere = await temporaryFolder();
  await cp(packagedApp, elsewhere.path, { recursive: true });
  const [rest = ''] = (await readdir(elsewhere.path)).filter((file) => /^app-[\w-]{8}\.mjs$/u.test(file));
  const asked = join(elsewhere.path, 'asked');
  await writeFile(
    join(elsewhere.path, rest),
    `import { existsSync } from 'node:fs';
    import { setTimeout } from 'node:timers/promises';
    while (!existsSync(${JSON.stringify(asked)})) await setTimeout(10);
    throw new Error('This is the rest.');`,
  );
  const stack = await startStack({ storage: false });
  try {
    const host = startHost({ appDirectory: elsewhere.path, settings: stack.settings, timers: false });
    const ended = expect(host).rejects.toThrow('This is the rest.');
    try {
      await eventually(() => expect(stack.identity.calls).toHaveLength(1));
    } finally {
      await writeFile(asked, '');
      await ended;
    }
  } finally {
    await stack.stop();
  }
});

it('registers the functions of the contract', async () => {
  await using app = await startLocalApp();
  const response = await app.fetch('/admin/functions');
  const names = ((await response.json()) as { name: string }[]).map(({ name }) => name);
  expect(names.toSorted()).toEqual([
    'fleet',
    'live',
    'openapi',
    'purge',
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

async function temporaryFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'package-test-'));
  return { path, [Symbol.asyncDispose]: async () => rm(path, { recursive: true, force: true }) };
}
