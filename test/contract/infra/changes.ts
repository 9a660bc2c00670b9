// What each parameter of the deployment changes, and that it changes nothing else.

import { expect, it } from 'vitest';
import { differences, predict as predictByCli, type Prediction } from '../../../scripts/infra-changes.ts';
import {
  existingCache,
  originContainer,
  predictor,
  withToken,
  type Infrastructure,
} from '../../support/infrastructure.ts';
import { appSettings, at, ofType } from '../../support/prediction.ts';
import * as access from '../../support/template-access-checks.ts';

export function changesByParameter(infrastructure: Infrastructure): void {
  const predict = predictor(infrastructure);
  /** As `npm run infra-changes` does it: two seconds of two cores for each. */
  const predictByCommand = (environment: Record<string, string>): Promise<Prediction> =>
    predictByCli(infrastructure.path, environment);
  const byDefault = predict();

  it('gives who deploys, or who is named instead, the origin to fill and the cache to use, and nothing else', async () => {
    const person = '11111111-1111-1111-1111-111111111111';
    const someoneElse = { AZURE_PRINCIPAL_ID: '2', AZURE_PRINCIPAL_TYPE: 'ServicePrincipal' };
    const named = await predict({ ...someoneElse, DEPLOY_DEVELOPER_PRINCIPAL_ID: person });
    const predicted = await predict({ AZURE_PRINCIPAL_ID: person });
    expect(differences(predicted, named)).toEqual([]);
    const nobody = await predict({ AZURE_PRINCIPAL_ID: person, DEPLOY_DEVELOPER_PRINCIPAL_ID: 'none' });
    expect(differences(await byDefault, nobody)).toEqual([]);
    const changes = differences(await byDefault, predicted);
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
      const roles = ofType(await predict(environment), 'Microsoft.Authorization/roleAssignments');
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
        await predict({ ...existingCache('existing'), ...environment }),
        'Microsoft.Cache/redisEnterprise/databases/accessPolicyAssignments',
      ).length;
    expect(await users({ AZURE_PRINCIPAL_ID: '1' })).toBe(1);
    expect(await users({ DEPLOY_DEVELOPER_PRINCIPAL_ID: '1' })).toBe(2);
  });

  it('changes no name with a region: Azure says that a resource cannot move, instead of making it anew', async () => {
    const moved = await predict({ AZURE_LOCATION: 'northeurope' });
    const changes = differences(await byDefault, moved);
    expect(
      changes.filter((line) => !/^~ \S+ \S+ location: "westeurope" -> "northeurope"$/u.test(line)),
    ).toEqual([]);
    const cacheMoved = await predict({ DEPLOY_CACHE_LOCATION: 'northeurope' });
    expect(differences(await byDefault, cacheMoved)).toEqual([
      expect.stringMatching(
        /^~ Microsoft\.Cache\/redisEnterprise amr-\w+ location: "westeurope" -> "northeurope"$/u,
      ),
    ]);
  });

  it('goes private in two steps: the first only adds, the second only closes', async () => {
    const [open, between, closed] = (await Promise.all(
      ['public', 'public-and-private', 'private'].map((network) => predict({ DEPLOY_NETWORK: network })),
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
    const after = await predict({
      DEPLOY_UPDATE_STRATEGY: 'RollingUpdate',
      DEPLOY_ZONE_REDUNDANT: 'true',
      DEPLOY_ORIGIN_SOFT_DELETE_DAYS: '0',
      DEPLOY_DIAGNOSTIC_LOGS: 'true',
    });
    const changes = differences(await byDefault, after);
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
    const tagged = await predict({ DEPLOY_TAGS: '{"owner":"shop","azd-env-name":"other"}' });
    const resources = tagged.predictedResources.filter((resource) => 'location' in resource);
    expect(resources.length).toBeGreaterThan(10);
    for (const { tags } of resources) expect(tags).toMatchObject({ owner: 'shop', 'azd-env-name': 'demo' });
  });

  it('switches OpenTelemetry on for the host and the app, and keeps how much is traced', async () => {
    const on = await predict({ DEPLOY_TELEMETRY: 'opentelemetry' });
    const [workbook, ...settingsChanged] = differences(await byDefault, on).toSorted();
    expect(workbook).toMatch(/^~ Microsoft\.Insights\/workbooks \S+ properties\.serializedData: /u);
    expect(settingsChanged).toEqual([
      expect.stringMatching(/AzureFunctionsJobHost__telemetryMode: \(none\) -> "OpenTelemetry"$/u),
      expect.stringMatching(/OTEL_TRACES_SAMPLER: \(none\) -> "microsoft.rate_limited"$/u),
      expect.stringMatching(/OTEL_TRACES_SAMPLER_ARG: \(none\) -> "5"$/u),
      expect.stringMatching(/TELEMETRY: \(none\) -> "opentelemetry"$/u),
    ]);
    const settings = { OTEL_TRACES_SAMPLER: 'microsoft.fixed_percentage', OTEL_TRACES_SAMPLER_ARG: '0.1' };
    const chosen = await predict({
      DEPLOY_TELEMETRY: 'opentelemetry',
      DEPLOY_APP_SETTINGS: JSON.stringify(settings),
    });
    expect(appSettings(chosen)).toMatchObject(settings);
  });

  it('lets callers in by tokens of the tenant, and says what is missing for that', async () => {
    const audience = 'c11e0000-0000-4000-8000-0000000000aa';
    const on = await predict({ DEPLOY_CALLERS: 'entra', DEPLOY_CALLERS_AUDIENCE: audience });
    expect(differences(await byDefault, on).map((line) => line.replace(/^.*appSettings\./u, ''))).toEqual([
      expect.stringMatching(/^AZURE_AUTHORITY_HOST: \(none\) -> /u),
      'HTTP_AUTH: (none) -> "entra"',
      `HTTP_ENTRA_AUDIENCE: (none) -> "${audience}"`,
      expect.stringMatching(/^HTTP_ENTRA_TENANT_ID: \(none\) -> /u),
    ]);
    const prefixes = { 'Cache.Read': 'shop/' };
    const confined = await predict({
      DEPLOY_CALLERS: 'entra',
      DEPLOY_CALLERS_AUDIENCE: audience,
      DEPLOY_CALLERS_TENANT_ID: 'contoso.example',
      DEPLOY_CALLERS_PREFIXES: JSON.stringify(prefixes),
    });
    expect(appSettings(confined)).toMatchObject({
      HTTP_ENTRA_TENANT_ID: 'contoso.example',
      HTTP_ENTRA_PREFIXES: JSON.stringify(prefixes),
    });
    expect(await predict({ DEPLOY_CALLERS: 'entra' }).catch(String)).toContain('DEPLOY_CALLERS_AUDIENCE');
  });

  it('shows what a parameter changes, and that it changes nothing else', async () => {
    const after = await predictByCommand({
      DEPLOY_CACHE_SKU: 'Balanced_B10',
      DEPLOY_NODE_VERSION: '22',
      DEPLOY_ALWAYS_READY: '2',
      DEPLOY_APP_SETTINGS: '{"REQUEST_BUDGET_MS":"1500"}',
    });
    expect(differences(await byDefault, after)).toEqual([
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
    expect(threshold(await byDefault)).toMatchObject({ threshold: 12_000 });
    expect(threshold(after)).toMatchObject({ threshold: 24_000 });
  });

  it('refuses values that could only fail later', async () => {
    const wrong = { DEPLOY_NETWORK: 'secret', DEPLOY_APP_SETTINGS: '{"CACHE_WRITE":"enabled"}' };
    const refusal = await predictByCommand(wrong).catch(String);
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
      expect(await predict(parameters).catch(String)).toContain(missing);
    }
  });
}
