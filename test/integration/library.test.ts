// The package that others install: what is in it, and that it is the same each time.

import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { bundle } from '../../scripts/library/bundle.ts';
import { changedSurfaces } from '../../scripts/library/check.ts';
import { entries } from '../../scripts/library/entries.ts';
import { installLibrary, packLibrary } from '../support/packed-library.ts';

const root = join(import.meta.dirname, '../..');

it('holds what is imported and its types; no test, no map, no path of this machine', async () => {
  const { tarballPath, files } = await packLibrary();
  expect((await stat(tarballPath)).size).toBeLessThan(540 * 1024);
  const others = files.filter((name) => !/^dist\/(?:shared\/)?[\w-]+\.(?:js|cjs|d\.ts|d\.cts)$/u.test(name));
  expect(others).toEqual([
    'CHANGELOG.md',
    'LICENSE',
    'README.md',
    'dist/THIRD-PARTY-LICENSES.txt',
    'dist/openapi.json',
    'package.json',
  ]);
  await using user = await installLibrary([]);
  for (const name of files) {
    const text = await readFile(join(user.path, 'node_modules/redis-entra-functions', name), 'utf8');
    expect(text, name).not.toContain(root);
    expect(text, name).not.toContain('sourceMappingURL');
  }
});

it('offers what docs/api says, and a change of that is noticed', async () => {
  const reports = new Map(Object.entries((await packLibrary()).reports));
  expect([...reports.keys()]).toEqual(entries.map(({ name }) => name));
  expect(await changedSurfaces(reports)).toEqual([]);
  reports.set('redis', `${reports.get('redis')}export const other = 1;`);
  expect(await changedSurfaces(reports)).toEqual([expect.stringContaining('docs/api/redis.api.md')]);
});

it('has code of other packages where certificates are made, and where tokens are made or verified', async () => {
  const { files } = await packLibrary();
  await using user = await installLibrary([]);
  const having = new Map<string, readonly string[]>();
  for (const name of files.filter((file) => /\.c?js$/u.test(file))) {
    const text = await readFile(join(user.path, 'node_modules/redis-entra-functions', name), 'utf8');
    const loaded = text.matchAll(/["'][^"'\n]*\b(?<name>vendored(?:-jose)?)-[\w-]{8}\.c?js["']/gu);
    const names = [...new Set(Array.from(loaded, ({ groups }) => groups?.['name'] ?? ''))];
    if (names.length > 0) having.set(name.replace(/-[\w-]{8}\./u, '.'), names.toSorted());
  }
  expect(Object.fromEntries(having)).toEqual({
    'dist/shared/stack-keys.js': ['vendored'],
    'dist/shared/token-check.cjs': ['vendored-jose'],
    'dist/shared/token-check.js': ['vendored-jose'],
    'dist/shared/token-issuer.js': ['vendored-jose'],
    'dist/testing.js': ['vendored-jose'],
  });
});

it('has the same modules, byte for byte, when it is made again', async () => {
  await using user = await installLibrary([]);
  const installed = join(user.path, 'node_modules/redis-entra-functions');
  const { version, dependencies, peerDependencies } = JSON.parse(
    await readFile(join(installed, 'package.json'), 'utf8'),
  ) as { version: string; dependencies: object; peerDependencies: object };
  const external = Object.keys({ ...dependencies, ...peerDependencies });
  const again = await bundle({ root, entries, version, external });
  expect(again.files.size).toBeGreaterThan(entries.length);
  for (const [name, code] of again.files) {
    expect(code === (await readFile(join(installed, 'dist', name), 'utf8')), name).toBe(true);
  }
});
