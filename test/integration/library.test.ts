// The package that others install: what is in it, on the Node.js versions it is for, as ES modules and as CommonJS.

import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { installLibrary, packLibrary } from '../support/packed-library.ts';

it('holds what is imported and its types; no test, no map, no path of this machine', async () => {
  const { tarballPath, files } = await packLibrary();
  expect((await stat(tarballPath)).size).toBeLessThan(400 * 1024);
  const others = files.filter((name) => !/^dist\/.+\.(?:js|cjs|d\.ts|d\.cts)$/u.test(name));
  expect(others).toEqual(['CHANGELOG.md', 'LICENSE', 'README.md', 'package.json']);
  await using user = await installLibrary([]);
  for (const name of files) {
    const text = await readFile(join(user.path, 'node_modules/redis-entra-functions', name), 'utf8');
    expect(text, name).not.toContain(join(import.meta.dirname, '../..'));
    expect(text, name).not.toContain('sourceMappingURL');
  }
});
