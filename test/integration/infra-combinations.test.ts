// Every combination of the parameters that decide what is made, worked out by the Bicep CLI: its resources, roles and
// values are those that are written down here, and nothing is asked for before what it needs.

import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { findBicep, runBicep } from '../../scripts/bicep.ts';
import type { Prediction } from '../../scripts/infra-changes.ts';
import { startBicepServer, subscriptionId } from '../support/bicep-server.ts';
import {
  combinations,
  expectedResources,
  expectedRoles,
  valueFaults,
  valuesOf,
} from '../support/combinations.ts';
import { deploymentOrder } from '../support/deployment-order.ts';
import { ofType } from '../support/prediction.ts';
import { assignments, privacyFaults } from '../support/template-access-checks.ts';
import { allFaults } from '../support/template-faults.ts';

const found = await findBicep();
if (found.kind === 'missing') it.skip(`combinations of the infrastructure: ${found.reason}`);
else describe('combinations of the infrastructure', { timeout: 240_000 }, () => suite(found.path));

function suite(path: string): void {
  const server = startBicepServer(path);
  afterAll(async () => (await server).stop());

  for (const combination of combinations) {
    it(Object.values(combination).join(', '), async () => {
      const predicted = await (await server).predict('main.bicep', valuesOf(combination));
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

  it('asks for nothing before what it needs', async () => {
    const { stdout } = await runBicep(path, [
      'build',
      join(import.meta.dirname, '../../infra/main.bicep'),
      '--stdout',
    ]);
    const order = deploymentOrder(JSON.parse(stdout) as never);
    expect(order('app')).toEqual(
      expect.arrayContaining([
        'identity',
        'hostStorage',
        'originStorage',
        'monitoring',
        'roles',
        'privateAccess',
        'redis',
      ]),
    );
    expect(order('roles')).toEqual(
      expect.arrayContaining(['identity', 'hostStorage', 'originStorage', 'monitoring']),
    );
    expect(order('privateAccess')).toEqual(
      expect.arrayContaining([
        'hostStorage',
        'originStorage',
        'monitoring',
        'redis',
        'redisExisting',
        'redisClassic',
      ]),
    );
    expect(order('privateAccess/privateEndpoints')).toEqual(
      expect.arrayContaining(['network', 'zones', 'monitoringLink']),
    );
    expect(order('diagnostics')).toEqual(
      expect.arrayContaining(['hostStorage', 'originStorage', 'redis', 'monitoring']),
    );
    expect(order('alerts')).toEqual(expect.arrayContaining(['monitoring', 'actionGroup']));
    expect(order('metricAlerts')).toEqual(expect.arrayContaining(['redis', 'redisExisting', 'redisClassic']));
  });

  it('names every scope, also that of what is not made', async () => {
    // Azure works scopes out before it looks at the conditions, so here all conditions are true.
    const all = await startBicepServer(path, makeEverything);
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
      await all.stop();
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
