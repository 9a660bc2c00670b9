// The template for a function app that is there already: an identity, its access, the settings, and nothing else.

import { expect, it } from 'vitest';
import type { Infrastructure } from '../../support/infrastructure.ts';
import { assignments } from '../../support/template-access-checks.ts';

export function templateForAnExistingApp({ copy }: Infrastructure): void {
  const identity = 'Microsoft.ManagedIdentity/userAssignedIdentities';
  const access = 'accessPolicyAssignments';

  it('makes an identity and lets it into a cache', async () => {
    const predicted = await (await copy).predict('existing-app.bicep', { cacheName: 'old' });
    expect(predicted.predictedResources.map(({ type }) => type)).toEqual([
      identity,
      `Microsoft.Cache/redisEnterprise/databases/${access}`,
    ]);
  });

  it('takes a classic cache, and a cache and an origin in groups of their own', async () => {
    const predicted = await (
      await copy
    ).predict('existing-app.bicep', {
      cacheKind: 'classic',
      cacheName: 'old',
      cacheResourceGroup: 'rg-cache',
      originStorageName: 'files',
      originResourceGroup: 'rg-files',
      originContainerName: 'content',
    });
    const [, assignment, role] = predicted.predictedResources;
    expect(predicted.predictedResources.map(({ type }) => type)).toEqual([
      identity,
      `Microsoft.Cache/redis/${access}`,
      'Microsoft.Authorization/roleAssignments',
    ]);
    expect(assignment?.id).toContain('/resourceGroups/rg-cache/');
    expect(role?.id).toContain('/resourceGroups/rg-files/');
    expect(assignments(predicted)).toEqual([
      'Storage Blob Data Reader on Microsoft.Storage/storageAccounts/files/blobServices/default/containers/content to id-redis-entra-functions',
    ]);
  });

  it('says the settings that the app needs, as az takes them', async () => {
    const values = { cacheName: 'old', originStorageName: 'files' };
    const { outputs } = await (await copy).predict('existing-app.bicep', values);
    const settings = JSON.stringify(outputs?.['settings'] ?? 'no output');
    for (const name of [
      'REDIS_HOSTNAME',
      'REDIS_PORT',
      'REDIS_CLUSTERING_POLICY',
      'AZURE_CLIENT_ID',
      'ORIGIN_BLOB_CONTAINER_URL',
    ])
      expect(settings).toContain(`${name}=`);
    expect(settings).not.toContain('TELEMETRY');
    expect(settings).not.toContain('HTTP_AUTH');
    const on = await (await copy).predict('existing-app.bicep', { ...values, telemetry: 'opentelemetry' });
    const more = JSON.stringify(on.outputs?.['settings'] ?? 'no output');
    expect(more).toContain('TELEMETRY=opentelemetry');
    expect(more).toContain('AzureFunctionsJobHost__telemetryMode=OpenTelemetry');
  });
  it('lets callers in by tokens where it is asked to', async () => {
    const values = { cacheName: 'old', callers: 'entra', callersAudience: 'c11e0000' };
    const { outputs } = await (
      await copy
    ).predict('existing-app.bicep', {
      ...values,
      callersPrefixes: { 'Cache.Read': 'shop/' },
    });
    const settings = JSON.stringify(outputs?.['settings'] ?? 'no output');
    for (const setting of ['HTTP_AUTH=entra', 'HTTP_ENTRA_TENANT_ID=', 'HTTP_ENTRA_AUDIENCE=c11e0000'])
      expect(settings).toContain(setting);
    expect(settings).toContain('HTTP_ENTRA_PREFIXES={');
    const withoutAudience = (await copy).predict('existing-app.bicep', {
      cacheName: 'old',
      callers: 'entra',
    });
    expect(await withoutAudience.catch(String)).toContain('callersAudience');
  });
}
