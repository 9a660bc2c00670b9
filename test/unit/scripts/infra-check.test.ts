// What is asked of Azure before provisioning, and what is said where it would fail.

import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import type { Az } from '../../../scripts/az.ts';
import { findings } from '../../../scripts/infra-check.ts';

/** Answers as az gives them, by the start of the command. */
const answers: Readonly<Record<string, unknown>> = {
  'functionapp list-flexconsumption-locations --zone-redundant true': ['westeurope'],
  'functionapp list-flexconsumption-locations': ['westeurope', 'northeurope'],
  'functionapp list-flexconsumption-runtimes': ['22', '24'],
  'provider show --namespace Microsoft.Cache': ['West Europe', 'North Europe'],
  'provider show --namespace Microsoft.App': 'Registered',
  'group exists': false,
  'resource list': [],
};

function az(changed: Readonly<Record<string, unknown>> = {}): Az {
  return async (args) => {
    const all = { ...answers, ...changed };
    const command = Object.keys(all).find((start) => args.join(' ').startsWith(start));
    if (command === undefined) throw new Error(`not asked for before: ${args.join(' ')}`);
    return all[command];
  };
}

async function problems(changed: Readonly<Record<string, unknown>>, environment = {}): Promise<string> {
  const found = await findings(az(changed), { AZURE_LOCATION: 'westeurope', ...environment });
  return found.map(({ problem, remedy }) => `${problem} ${remedy}`).join('\n');
}

it('finds nothing where the regions have what is asked for', async () => {
  expect(await problems({}, { DEPLOY_NETWORK: 'private', DEPLOY_ZONE_REDUNDANT: 'true' })).toBe('');
});

it('names what a region lacks, and what to choose instead', async () => {
  expect(await problems({}, { AZURE_LOCATION: '' })).toContain('azd env set AZURE_LOCATION');
  expect(await problems({ 'functionapp list-flexconsumption-locations': ['eastus'] })).toBe(
    'westeurope has no Flex Consumption. azd env set AZURE_LOCATION <region>, one of: eastus',
  );
  expect(await problems({}, { AZURE_LOCATION: 'northeurope', DEPLOY_ZONE_REDUNDANT: 'true' })).toContain(
    'northeurope has no zone-redundant Flex Consumption.',
  );
  expect(await problems({ 'functionapp list-flexconsumption-runtimes': ['20', '22'] })).toContain(
    'Flex Consumption in westeurope has no Node.js 24. azd env set DEPLOY_NODE_VERSION <version>, one of: 20, 22',
  );
  expect(await problems({}, { DEPLOY_CACHE_LOCATION: 'westindia' })).toContain(
    'westindia has no Azure Managed Redis. azd env set DEPLOY_CACHE_LOCATION',
  );
  expect(await problems({}, { DEPLOY_CACHE: 'existing', DEPLOY_CACHE_LOCATION: 'westindia' })).toBe('');
});

it('names a cache that an earlier attempt left, and the provider that a network needs', async () => {
  const id = '/subscriptions/s/resourceGroups/rg-shop/providers/Microsoft.Cache/redisEnterprise/amr-1';
  const left = { 'group exists': true, 'resource list': [id] };
  expect(await problems(left, { AZURE_ENV_NAME: 'shop' })).toBe(
    `An earlier attempt left the cache amr-1 in the state "Failed". az resource delete --ids ${id}`,
  );
  const unregistered = { 'provider show --namespace Microsoft.App': 'NotRegistered' };
  expect(await problems(unregistered, { DEPLOY_NETWORK: 'private' })).toContain('az provider register');
  expect(await problems(unregistered)).toBe('');
});

it('is skipped, and says so, where az is not there or not signed in', async () => {
  const script = join(import.meta.dirname, '../../../scripts/infra-check.ts');
  const directory = await mkdtemp(join(tmpdir(), 'az-'));
  const said = async (): Promise<string> => {
    const env = { PATH: directory, AZURE_LOCATION: 'westeurope' };
    return (await promisify(execFile)(process.execPath, [script], { env })).stdout;
  };
  try {
    expect(await said()).toBe('Not checked: az is not installed.\n');
    await writeFile(join(directory, 'az'), '#!/bin/sh\necho "Please run \'az login\'" >&2\nexit 1\n', {
      mode: 0o755,
    });
    expect(await said()).toBe("Not checked: Please run 'az login'\n");
    await writeFile(join(directory, 'az'), "#!/bin/sh\necho '[]'\n", { mode: 0o755 });
    expect(await said().catch(({ code, stderr }) => `${code}: ${stderr}`)).toMatch(
      /^1: westeurope has no Flex/u,
    );
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
