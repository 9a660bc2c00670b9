// Every combination of the parameters that decide what is made, worked out by the Bicep CLI: its resources, roles and
// values are those that are written down here.

import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Prediction } from '../../../scripts/infra-changes.ts';
import {
  combinations,
  expectedResources,
  expectedRoles,
  valueFaults,
  valuesOf,
} from '../../support/combinations.ts';
import type { Infrastructure } from '../../support/infrastructure.ts';
import { ofType } from '../../support/prediction.ts';
import { assignments, privacyFaults } from '../../support/template-access-checks.ts';
import { openTemplateCopy, subscriptionId } from '../../support/template-copy.ts';
import { allFaults } from '../../support/template-faults.ts';

export function combinationsOfParameters({ server, copy }: Infrastructure): void {
  for (const combination of combinations) {
    it(Object.values(combination).join(', '), async () => {
      const predicted = await (await copy).predict('main.bicep', valuesOf(combination));
      const made = predicted.predictedResources
        .filter(({ type }) => type !== 'Microsoft.Authorization/roleAssignments')
        .map(({ type, name }) => `${type} ${withoutToken(name)}`);
      expect(made.toSorted()).toEqual(expectedResources(combination).toSorted());
      expect(assignments(predicted).map(withoutToken).toSorted()).toEqual(
        expectedRoles(combination).toSorted(),
      );
      expect(valueFaults(predicted, combination)).toEqual([]);
      expect(allFaults(predicted)).toEqual([]);
      if (combination.network === 'private') expect(privacyFaults(predicted, combination.cache)).toEqual([]);
      expect(namelessIds(predicted)).toEqual([]);
    });
  }

  it('names every scope, also that of what is not made', async () => {
    // Azure works scopes out before it looks at the conditions, so here all conditions are true.
    const all = await openTemplateCopy(server, makeEverything);
    try {
      for (const cache of ['new', 'existing', 'existing-classic']) {
        const values = { environmentName: 'demo', location: 'westeurope', cache, origin: 'none' };
        const more =
          cache === 'new' ? {} : { existingCacheName: 'old', existingCacheResourceGroup: 'rg-old' };
        const predicted = await all.predict('main.bicep', { ...values, ...more });
        expect(ofType(predicted, 'Microsoft.Authorization/roleAssignments').length).toBeGreaterThan(3);
        expect(namelessIds(predicted)).toEqual([]);
      }
    } finally {
      await all.remove();
    }
  });
}

/** Names end in a token, developers' in another. */
function withoutToken(text: string): string {
  return text
    .replaceAll(/(?<=-|sthost|storigin|\/app)[a-z0-9]{13}(?![a-z0-9])/gu, '~')
    .replace(/^[0-9a-f-]{36}$/u, '<guid>')
    .replace(/ [0-9a-f-]{36}$/u, ' <guid>');
}

function namelessIds({ predictedResources }: Prediction): readonly string[] {
  return predictedResources
    .map(({ id }) => id)
    .filter((id) => /\/\/|\/$|resourceGroups\/providers|''|\(\)/u.test(id.replace(subscriptionId, 's')));
}

async function makeEverything(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true });
  for (const name of (await readdir(directory, { recursive: true })).filter((file) =>
    file.endsWith('.bicep'),
  )) {
    const text = await readFile(join(directory, name), 'utf8');
    await writeFile(join(directory, name), text.replaceAll(/= if \([^\n]*\) \{$/gmu, '= {'));
  }
}
