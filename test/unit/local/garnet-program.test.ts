// Where Garnet cannot run, it says what is missing and where to get it.

import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { findGarnet } from '../../../local/garnet/program.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'no-dotnet-'));
});
afterEach(async () => rm(directory, { recursive: true, force: true }));

it('without .NET', async () => {
  await expect(findGarnet({ PATH: directory })).rejects.toThrow(
    /There is no dotnet on PATH\. .*\.NET 10 or later.*https:\/\/dotnet\.microsoft\.com/u,
  );
});

it('with a .NET that is too old', async () => {
  const dotnet = join(directory, 'dotnet');
  const runtimes = ['Microsoft.AspNetCore.App 10.0.1 [/a]', 'Microsoft.NETCore.App 8.0.20 [/b]'];
  await writeFile(dotnet, `#!/bin/sh\nprintf '${runtimes.join('\\n')}\\n'\n`);
  await chmod(dotnet, 0o755);
  await expect(findGarnet({ PATH: directory })).rejects.toThrow('has .NET 8 only. Garnet runs on .NET 10');
});
