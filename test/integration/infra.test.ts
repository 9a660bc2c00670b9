// What would be deployed: compiled, linted and worked out by the real Bicep CLI, then held to the project's rules.
// All of it is asked of one process, which takes seconds of two cores to warm up.

import { afterAll, describe, it } from 'vitest';
import { findBicep } from '../../scripts/bicep.ts';
import { combinationsOfParameters } from '../contract/infra/combinations.ts';
import { templateForAnExistingApp } from '../contract/infra/existing-app.ts';
import { changesByParameter } from '../contract/infra/changes.ts';
import { rules } from '../contract/infra/rules.ts';
import { sources } from '../contract/infra/sources.ts';
import { startBicepServer } from '../support/bicep-server.ts';
import { openTemplateCopy } from '../support/template-copy.ts';

const found = await findBicep();
if (found.kind === 'missing') it.skip(`the infrastructure: ${found.reason}`);
else
  describe('the infrastructure', { timeout: 600_000 }, () => {
    const { path } = found;
    const server = startBicepServer(path);
    const copy = openTemplateCopy(server);
    afterAll(async () => {
      await server.stop();
      await (await copy).remove();
    });
    for (const suite of [
      sources,
      rules,
      changesByParameter,
      templateForAnExistingApp,
      combinationsOfParameters,
    ])
      suite({ path, server, copy });
  });
