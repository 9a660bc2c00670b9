// The template is also for those whose tools bring an older Bicep: az keeps the one it installed, azd has its own.

import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { restoreFromNuGet, runBicep } from '../../scripts/bicep.ts';
import { infraDirectory } from '../support/bicep.ts';

/** The oldest that NuGet serves. */
const oldest = '0.47.16';
const search = await restoreFromNuGet(oldest);

it.skipIf(search.kind === 'missing')(
  `compiles and lints without a word with Bicep ${oldest}${search.kind === 'missing' ? `: ${search.reason}` : ''}`,
  { timeout: 240_000 },
  async () => {
    if (search.kind === 'missing') return;
    const directory = await mkdtemp(join(tmpdir(), 'oldest-bicep-'));
    try {
      await cp(infraDirectory, join(directory, 'infra'), { recursive: true });
      await cp(join(infraDirectory, '../bicepconfig.json'), join(directory, 'bicepconfig.json'));
      for (const file of ['main.bicep', 'existing-app.bicep']) {
        // It lints as well.
        const { exitCode, stdout, stderr } = await runBicep(search.path, [
          'build',
          join(directory, 'infra', file),
        ]);
        expect({ file, exitCode, said: stdout + stderr }).toEqual({ file, exitCode: 0, said: '' });
      }
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  },
);
