// What would be deployed: compiled, linted and worked out by the real Bicep CLI, then held to the project's rules.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { differences, readArguments, type Prediction } from '../../scripts/infra-changes.ts';
import { compareVersions } from '../../scripts/bicep.ts';
import { readSettings } from '../../src/config/settings.ts';
import { bicepFiles, bicepOrReason, infraDirectory, type Bicep } from '../support/bicep.ts';
import { appSettings, at, ofType, type Faults } from '../support/prediction.ts';
import * as access from '../support/template-access-checks.ts';
import { breakages } from '../support/template-breakages.ts';
import { allFaults, settingsTheAppReads } from '../support/template-faults.ts';

const found = await bicepOrReason();
if (typeof found === 'string') it.skip(`the infrastructure: ${found}`);
else
  describe('the infrastructure', { timeout: 240_000 }, () => {
    suite(found);
    afterAll(async () => found.stop());
  });

it('versions of the Bicep CLI are compared as numbers', () => {
  expect(compareVersions('0.9.10', '0.49.2')).toBeLessThan(0);
  expect(compareVersions('1.0.0', '0.49.2')).toBeGreaterThan(0);
  expect(compareVersions('0.49.2', '0.49.2')).toBe(0);
});

it('a parameter that the template does not have is refused by name', async () => {
  const file = await readFile(join(infraDirectory, 'main.bicepparam'), 'utf8');
  expect(readArguments(['DEPLOY_CACHE_SKU=Balanced_B1'], file)).toEqual({
    from: {},
    to: { DEPLOY_CACHE_SKU: 'Balanced_B1' },
  });
  const both = ['--from', 'DEPLOY_NETWORK=private', '--to', 'DEPLOY_NETWORK=public', 'AZURE_ENV_NAME=shop'];
  expect(readArguments(both, file)).toEqual({
    from: { DEPLOY_NETWORK: 'private', AZURE_ENV_NAME: 'shop' },
    to: { DEPLOY_NETWORK: 'public', AZURE_ENV_NAME: 'shop' },
  });
  expect(() => readArguments(['DEPLOY_CACHE_SKUU=x'], file)).toThrow('DEPLOY_CACHE_SKUU');
  expect(() => readArguments(['--from'], file)).toThrow('Usage');
});

type Json = Record<string, unknown>;

const hostRole = 'Storage Blob Data Owner on Microsoft.Storage/storageAccounts/sthost';
const originContainer = 'Microsoft.Storage/storageAccounts/storigin~/blobServices/default/containers/origin';

function suite(bicep: Bicep): void {
  const variants = {
    'by default': bicep.predict(),
    private: bicep.predict({ DEPLOY_NETWORK: 'private' }),
    'with an existing cache': bicep.predict(existing('existing')),
    'with an existing classic cache': bicep.predict(existing('existing-classic')),
    'with an HTTP origin': bicep.predict({
      DEPLOY_ORIGIN: 'http',
      DEPLOY_ORIGIN_URL_TEMPLATE: 'https://example.org/{key}',
      DEPLOY_APP_SETTINGS: JSON.stringify({ CACHE_WRITES: 'disabled', WARMUP_KEYS: 'a,b' }),
    }),
  };
  const template = bicep
    .build(join(infraDirectory, 'main.bicep'))
    .then(({ stdout }) => JSON.parse(stdout) as Json);

  it('compiles, and lints without a warning, every file', async () => {
    for (const { exitCode, stdout, stderr } of await bicep.lint()) {
      expect({ exitCode, said: stdout + stderr }).toEqual({ exitCode: 0, said: '' });
    }
  });

  it('only warns where a linter rule is broken: azd brings a Bicep of its own, which an error would stop', async () => {
    const text = await readFile(join(infraDirectory, '../bicepconfig.json'), 'utf8');
    const rules = Object.values(at(JSON.parse(text), 'analyzers.core.rules') as Json);
    expect(rules.length).toBeGreaterThan(20);
    for (const rule of rules) expect(rule).toEqual({ level: 'warning' });
  });

  it('is formatted as the CLI formats it', async () => {
    expect(await bicep.unformatted()).toEqual([]);
  });

  it('uses no module but its own: compiling needs no network', async () => {
    for (const file of await bicepFiles()) {
      expect(await readFile(join(infraDirectory, file), 'utf8')).not.toMatch(/'(?:br|ts)[:/]/u);
    }
  });

  it('has no parameter or output for a secret, reads no key, and describes every parameter', async () => {
    expect(access.secretFaults(await template)).toEqual([]);
    expect(access.descriptionFaults(await template)).toEqual([]);
  });

  for (const [variant, prediction] of Object.entries(variants)) {
    it(`${variant}: tokens only, TLS only, settings that the app reads, one identity everywhere`, async () => {
      const predicted = await prediction;
      expect(allFaults(predicted)).toEqual([]);
      expect(settingsOf(predicted).credential).toMatchObject({ kind: 'managed-identity' });
    });
  }

  it('lets every setting of the app be set, but those that would undo what is promised', async () => {
    const properties = at(await template, 'definitions.appSettingsType.properties') as Json;
    const fixed = Object.keys(appSettings(await variants['by default']));
    const decided = ['REDIS_TLS', 'REDIS_CREDENTIAL', 'ORIGIN_URL_TEMPLATE'];
    const settable = new Set([...Object.keys(properties), ...fixed, ...decided]);
    expect([...settingsTheAppReads()].filter((name) => !settable.has(name))).toEqual([]);
    // Read apart from the settings: it is the host's as well.
    const known = new Set([...settingsTheAppReads(), 'AzureFunctionsJobHost__functionTimeout']);
    expect(Object.keys(properties).filter((name) => !known.has(name))).toEqual([]);
  });

  it('gives the identity the least roles, each on one resource', async () => {
    const roles = [
      `${hostRole}~ to id-~`,
      `Storage Blob Data Reader on ${originContainer} to id-~`,
      'Monitoring Metrics Publisher on Microsoft.Insights/components/appi-~ to id-~',
    ];
    for (const variant of ['by default', 'private', 'with an existing cache'] as const) {
      const predicted = await variants[variant];
      expect(access.roleFaults(predicted, withToken(predicted, roles))).toEqual([]);
    }
    const withoutBlobs = await variants['with an HTTP origin'];
    const fewer = withToken(
      withoutBlobs,
      roles.filter((role) => !role.includes('Reader')),
    );
    expect(access.roleFaults(withoutBlobs, fewer)).toEqual([]);
  });

  it('gives who deploys, or who is named instead, the origin to fill and the cache to use, and nothing else', async () => {
    const person = '11111111-1111-1111-1111-111111111111';
    const someoneElse = { AZURE_PRINCIPAL_ID: '2', AZURE_PRINCIPAL_TYPE: 'ServicePrincipal' };
    const named = await bicep.predict({ ...someoneElse, DEPLOY_DEVELOPER_PRINCIPAL_ID: person });
    const predicted = await bicep.predict({ AZURE_PRINCIPAL_ID: person });
    expect(differences(predicted, named)).toEqual([]);
    const nobody = await bicep.predict({ AZURE_PRINCIPAL_ID: person, DEPLOY_DEVELOPER_PRINCIPAL_ID: 'none' });
    expect(differences(await variants['by default'], nobody)).toEqual([]);
    const changes = differences(await variants['by default'], predicted);
    expect(changes).toEqual([
      expect.stringMatching(
        /^\+ Microsoft\.Cache\/redisEnterprise\/databases\/accessPolicyAssignments \S+\/developer/u,
      ),
      expect.stringMatching(/^\+ Microsoft\.Authorization\/roleAssignments /u),
    ]);
    const given = access.assignments(predicted).filter((line) => line.endsWith(person));
    expect(given).toEqual(
      withToken(predicted, [`Storage Blob Data Contributor on ${originContainer} to ${person}`]),
    );
  });

  it('says what the developer is where that is known, and else lets Azure look it up', async () => {
    const typeOf = async (environment: Record<string, string>): Promise<unknown> => {
      const roles = ofType(await bicep.predict(environment), 'Microsoft.Authorization/roleAssignments');
      return at(
        roles.find((role) => at(role, 'properties.principalId') === '1'),
        'properties.principalType',
      );
    };
    expect(await typeOf({ AZURE_PRINCIPAL_ID: '1' })).toBeNull();
    expect(await typeOf({ AZURE_PRINCIPAL_ID: '1', AZURE_PRINCIPAL_TYPE: 'ServicePrincipal' })).toBe(
      'ServicePrincipal',
    );
    const named = { AZURE_PRINCIPAL_TYPE: 'ServicePrincipal', DEPLOY_DEVELOPER_PRINCIPAL_ID: '1' };
    expect(await typeOf({ ...named, DEPLOY_DEVELOPER_PRINCIPAL_TYPE: 'User' })).toBe('User');
  });

  it('gives who deploys no right on a cache of somebody else, unless they are named', async () => {
    const users = async (environment: Record<string, string>): Promise<number> =>
      ofType(
        await bicep.predict({ ...existing('existing'), ...environment }),
        'Microsoft.Cache/redisEnterprise/databases/accessPolicyAssignments',
      ).length;
    expect(await users({ AZURE_PRINCIPAL_ID: '1' })).toBe(1);
    expect(await users({ DEPLOY_DEVELOPER_PRINCIPAL_ID: '1' })).toBe(2);
  });

  it('changes no name with a region: Azure says that a resource cannot move, instead of making it anew', async () => {
    const moved = await bicep.predict({ AZURE_LOCATION: 'northeurope' });
    const changes = differences(await variants['by default'], moved);
    expect(
      changes.filter((line) => !/^~ \S+ \S+ location: "westeurope" -> "northeurope"$/u.test(line)),
    ).toEqual([]);
    const cacheMoved = await bicep.predict({ DEPLOY_CACHE_LOCATION: 'northeurope' });
    expect(differences(await variants['by default'], cacheMoved)).toEqual([
      expect.stringMatching(
        /^~ Microsoft\.Cache\/redisEnterprise amr-\w+ location: "westeurope" -> "northeurope"$/u,
      ),
    ]);
  });

  it('goes private in two steps: the first only adds, the second only closes', async () => {
    const [open, between, closed] = (await Promise.all(
      ['public', 'public-and-private', 'private'].map((network) =>
        bicep.predict({ DEPLOY_NETWORK: network }),
      ),
    )) as [Prediction, Prediction, Prediction];
    expect(differences(open, between).filter((line) => !line.startsWith('+ '))).toEqual([
      expect.stringMatching(/^~ Microsoft\.Web\/sites \S+ properties\.virtualNetworkSubnetId: null -> /u),
    ]);
    const closes = /(?:publicNetworkAccess\w*: "Enabled" -> "Disabled"|defaultAction: "Allow" -> "Deny")$/u;
    const second = differences(between, closed);
    expect(second.length).toBeGreaterThan(5);
    expect(second.filter((line) => !closes.test(line))).toEqual([]);
  });

  it('takes operations by parameter, and changes nothing else for them', async () => {
    const after = await bicep.predict({
      DEPLOY_UPDATE_STRATEGY: 'RollingUpdate',
      DEPLOY_ZONE_REDUNDANT: 'true',
      DEPLOY_ORIGIN_SOFT_DELETE_DAYS: '0',
      DEPLOY_DIAGNOSTIC_LOGS: 'true',
    });
    const changes = differences(await variants['by default'], after);
    expect(changes.map((line) => line.replaceAll(/(?<=[a-z-])[a-z0-9]{13}\b/gu, '~'))).toEqual([
      '~ Microsoft.Storage/storageAccounts sthost~ sku.name: "Standard_LRS" -> "Standard_ZRS"',
      '~ Microsoft.Storage/storageAccounts storigin~ sku.name: "Standard_LRS" -> "Standard_ZRS"',
      ...['deleteRetentionPolicy', 'containerDeleteRetentionPolicy'].flatMap((policy) => [
        `~ Microsoft.Storage/storageAccounts/blobServices storigin~/default properties.${policy}.enabled: true -> false`,
        `~ Microsoft.Storage/storageAccounts/blobServices storigin~/default properties.${policy}.days: 7 -> (none)`,
      ]),
      '~ Microsoft.Web/serverfarms plan-~ properties.zoneRedundant: false -> true',
      '~ Microsoft.Web/sites func-~ properties.functionAppConfig.siteUpdateStrategy.type: "Recreate" -> "RollingUpdate"',
      ...['connections', 'requests', 'requests'].map(
        (name) => `+ Microsoft.Insights/diagnosticSettings ${name}`,
      ),
    ]);
    const tagged = await bicep.predict({ DEPLOY_TAGS: '{"owner":"shop","azd-env-name":"other"}' });
    const resources = tagged.predictedResources.filter((resource) => 'location' in resource);
    expect(resources.length).toBeGreaterThan(10);
    for (const { tags } of resources) expect(tags).toMatchObject({ owner: 'shop', 'azd-env-name': 'demo' });
  });

  it('the private variant has no public endpoint but the app, and a private one for all that the app needs', async () => {
    expect(access.privacyFaults(await variants.private)).toEqual([]);
    expect(access.privacyFaults(await variants['by default'])).not.toEqual([]);
  });

  it('an existing cache is given access to, and is not changed', async () => {
    for (const variant of ['with an existing cache', 'with an existing classic cache'] as const) {
      const caches = (await variants[variant]).predictedResources.filter(({ type }) =>
        type.startsWith('Microsoft.Cache/'),
      );
      expect(caches.map(({ type }) => type)).toEqual([
        expect.stringMatching(/\/accessPolicyAssignments$/u) as string,
      ]);
      expect(caches[0]?.id).toContain('/resourceGroups/rg-old/');
      expect(JSON.stringify(caches[0])).toContain('outputs.principalId');
    }
  });

  it('shows what a parameter changes, and that it changes nothing else', async () => {
    const after = await bicep.predictByCommand({
      DEPLOY_CACHE_SKU: 'Balanced_B10',
      DEPLOY_NODE_VERSION: '22',
      DEPLOY_ALWAYS_READY: '2',
      DEPLOY_APP_SETTINGS: '{"REQUEST_BUDGET_MS":"1500"}',
    });
    expect(differences(await variants['by default'], after)).toEqual([
      expect.stringMatching(/redisEnterprise \S+ sku\.name: "Balanced_B0" -> "Balanced_B10"$/u),
      expect.stringMatching(/runtime\.version: "24" -> "22"$/u),
      expect.stringMatching(/alwaysReady: \[\] -> \[\{"name":"http","instanceCount":2\}\]$/u),
      expect.stringMatching(/appSettings\.REQUEST_BUDGET_MS: \(none\) -> "1500"$/u),
      expect.stringMatching(/metricAlerts alert-cache-connections-\w+ properties\.criteria\.allOf: /u),
    ]);
    const threshold = (prediction: Prediction): unknown =>
      ofType(prediction, 'Microsoft.Insights/metricAlerts')
        .map((alert) => at(alert, 'properties.criteria.allOf.0'))
        .find((criterion) => at(criterion, 'metricName') === 'connectedclients');
    // Four fifths of 15,000 and of 30,000 connections.
    expect(threshold(await variants['by default'])).toMatchObject({ threshold: 12_000 });
    expect(threshold(after)).toMatchObject({ threshold: 24_000 });
  });

  it('refuses values that could only fail later', async () => {
    const wrong = { DEPLOY_NETWORK: 'secret', DEPLOY_APP_SETTINGS: '{"CACHE_WRITE":"enabled"}' };
    const refusal = await bicep.predictByCommand(wrong).catch(String);
    expect(refusal).toContain(
      `"'private' | 'public' | 'public-and-private'" but the provided value is of type "'secret'"`,
    );
    expect(refusal).toContain('"CACHE_WRITE" is not allowed');
    const incomplete = [
      [
        { DEPLOY_CACHE: 'existing', DEPLOY_EXISTING_CACHE_NAME: 'amr' },
        'DEPLOY_EXISTING_CACHE_RESOURCE_GROUP',
      ],
      [{ DEPLOY_CACHE: 'existing-classic' }, 'DEPLOY_EXISTING_CACHE_NAME'],
      [{ DEPLOY_ORIGIN: 'http' }, 'DEPLOY_ORIGIN_URL_TEMPLATE'],
      [{ DEPLOY_NETWORK: 'private', DEPLOY_APP_SUBNET_ID: 'x' }, 'DEPLOY_ENDPOINT_SUBNET_ID'],
    ] as const;
    for (const [parameters, missing] of incomplete) {
      expect(await bicep.predict(parameters).catch(String)).toContain(missing);
    }
  });

  it('azd finds what it deploys to', async () => {
    const predicted = await variants['by default'];
    const azure = await readFile(join(infraDirectory, '..', 'azure.yaml'), 'utf8');
    const [, service] = /^services:\n {2}(\w+):\n/mu.exec(azure) ?? [];
    const [app] = ofType(predicted, 'Microsoft.Web/sites');
    expect(at(app, 'tags.azd-service-name')).toBe(service);
    expect(azure).toContain('dist: out/app\n');
    expect(Object.keys(predicted.outputs)).toEqual(
      expect.arrayContaining([
        'AZURE_LOCATION',
        'AZURE_RESOURCE_GROUP',
        'SERVICE_APP_NAME',
        'SERVICE_APP_URI',
      ]),
    );
    const untagged = predicted.predictedResources.filter(
      (resource) => 'location' in resource && at(resource, 'tags.azd-env-name') !== 'demo',
    );
    expect(untagged.map(({ name }) => name)).toEqual([]);
  });

  describe('broken once, each rule says so:', () => {
    for (const [what, break_, expected] of breakages) {
      it(what, async () => {
        const broken = structuredClone(await variants.private);
        break_(broken);
        expect([...allFaults(broken), ...access.privacyFaults(broken)].join('\n')).toMatch(expected);
      });
    }

    it('a role more, a role less, a role on the resource group', async () => {
      const predicted = await variants['by default'];
      const expected = access.assignments(predicted);
      const [first] = ofType(predicted, 'Microsoft.Authorization/roleAssignments');
      const wider = {
        ...first,
        id: `${first?.id.split('/providers/')[0]}/providers/Microsoft.Authorization/roleAssignments/x`,
      };
      const faults = (change: (resources: unknown[]) => unknown[]): Faults =>
        access.roleFaults(
          { ...predicted, predictedResources: change([...predicted.predictedResources]) as never },
          expected,
        );
      expect(faults((resources) => resources)).toEqual([]);
      expect(faults((resources) => [...resources, wider]).join()).toMatch(
        /^not expected: .*resourceGroups\/rg-demo to/u,
      );
      expect(faults((resources) => resources.filter((resource) => resource !== first)).join()).toMatch(
        /^missing: /u,
      );
    });

    it('a parameter or output for a secret, a key that is read, a parameter without description', () => {
      const inner = { parameters: { adminPassword: { type: 'string' } } };
      const broken = {
        parameters: { token: { type: 'securestring' } },
        outputs: { connectionString: { type: 'string' } },
        resources: { storage: { value: "[listKeys('x')]", properties: { template: inner } } },
      };
      expect(access.secretFaults(broken)).toEqual([
        'main: parameters has token',
        'main: outputs has connectionString',
        'storage: parameters has adminPassword',
        'reads listKeys(...)',
      ]);
      expect(access.descriptionFaults(broken)).toHaveLength(2);
    });
  });
}

function existing(kind: string): Record<string, string> {
  return {
    DEPLOY_CACHE: kind,
    DEPLOY_EXISTING_CACHE_NAME: 'old',
    DEPLOY_EXISTING_CACHE_RESOURCE_GROUP: 'rg-old',
  };
}

/** The app's own reader takes what the template sets; what only Azure knows is put in for it. */
function settingsOf(prediction: Prediction): ReturnType<typeof readSettings> {
  const known: Record<string, string> = {
    REDIS_HOSTNAME: 'cache.westeurope.redis.azure.net',
    REDIS_PORT: '6380',
    REDIS_CLUSTERING_POLICY: 'NoCluster',
    ORIGIN_BLOB_CONTAINER_URL: 'https://account.blob.core.windows.net/origin',
  };
  const settings = Object.entries(appSettings(prediction)).map(([name, value]) => [
    name,
    value.startsWith('[') ? (known[name] ?? 'known-to-azure') : value,
  ]);
  return readSettings(Object.fromEntries(settings) as Record<string, string>);
}

/** `~` stands for the token that ends the names. */
function withToken(prediction: Prediction, lines: readonly string[]): readonly string[] {
  const [identity] = ofType(prediction, 'Microsoft.ManagedIdentity/userAssignedIdentities');
  const token = identity?.name.replace('id-', '') ?? '';
  return lines.map((line) => line.replaceAll('~', token));
}
