// The template is also for those whose tools bring an older Bicep: az keeps the one it installed, azd has its own.

import { join } from 'node:path';
import { expect, it } from 'vitest';
import { restoreFromNuGet } from '../../scripts/bicep.ts';
import { startBicepServer } from '../support/bicep-server.ts';
import { infraDirectory } from '../support/template-copy.ts';

/** The oldest that NuGet serves. */
const oldest = '0.47.16';
const search = await restoreFromNuGet(oldest);

it.skipIf(search.kind === 'missing')(
  `compiles and lints without a word with Bicep ${oldest}${search.kind === 'missing' ? `: ${search.reason}` : ''}`,
  { timeout: 240_000 },
  async () => {
    if (search.kind === 'missing') return;
    const server = startBicepServer(search.path);
    try {
      for (const name of ['main.bicep', 'existing-app.bicep']) {
        // It lints as well.
        const { success, diagnostics } = await server.compile(join(infraDirectory, name));
        expect({ name, success, diagnostics }).toEqual({ name, success: true, diagnostics: [] });
      }
    } finally {
      await server.stop();
    }
  },
);
