// Each rule of the infrastructure, broken once: what is done to the prediction, and what a check must then say.

import type { PredictedResource, Prediction } from '../../scripts/infra-changes.ts';
import { at, ofType } from './prediction.ts';

type Break = (prediction: Prediction) => void;

/** Sets the value at a path of every resource of a type. */
function set(type: string, path: string, value: unknown): Break {
  return (prediction) => {
    const names = path.split('.');
    const last = names.pop() ?? '';
    for (const resource of ofType(prediction, type)) {
      const parent = at(resource, names.join('.')) as Record<string, unknown>;
      parent[last] = value;
    }
  };
}

function changeSettings(change: (settings: { name: string; value: string }[]) => unknown): Break {
  return (prediction) => {
    const [app] = ofType(prediction, 'Microsoft.Web/sites');
    change(at(app, 'properties.siteConfig.appSettings') as { name: string; value: string }[]);
  };
}

const addSetting = (name: string): Break => changeSettings((settings) => settings.push({ name, value: 'x' }));
const setSetting = (name: string, value: string): Break =>
  changeSettings((settings) =>
    Object.assign(settings.find((setting) => setting.name === name) ?? {}, { value }),
  );
const removeSetting = (name: string): Break =>
  changeSettings((settings) =>
    settings.splice(
      settings.findIndex((setting) => setting.name === name),
      1,
    ),
  );

function removeResources(type: string, pattern: RegExp): Break {
  return (prediction) => {
    const resources = prediction.predictedResources as PredictedResource[];
    const kept = resources.filter((resource) => resource.type !== type || !pattern.test(resource.name));
    resources.splice(0, resources.length, ...kept);
  };
}

const storage = 'Microsoft.Storage/storageAccounts';
const redis = 'Microsoft.Cache/redisEnterprise';
const site = 'Microsoft.Web/sites';
const deployment = 'properties.functionAppConfig.deployment.storage';

export const breakages: readonly (readonly [string, Break, RegExp])[] = [
  [
    'shared keys of storage',
    set(storage, 'properties.allowSharedKeyAccess', true),
    /allowSharedKeyAccess is true/u,
  ],
  ['public blobs', set(storage, 'properties.allowBlobPublicAccess', true), /allowBlobPublicAccess is true/u],
  [
    'a public container',
    set(`${storage}/blobServices/containers`, 'properties.publicAccess', 'Blob'),
    /publicAccess is "Blob"/u,
  ],
  [
    'access keys of Redis',
    set(`${redis}/databases`, 'properties.accessKeysAuthentication', 'Enabled'),
    /accessKeysAuthentication is "Enabled"/u,
  ],
  [
    'instrumentation keys',
    set('Microsoft.Insights/components', 'properties.DisableLocalAuth', false),
    /DisableLocalAuth is false/u,
  ],
  [
    'workspace keys',
    set('Microsoft.OperationalInsights/workspaces', 'properties.features.disableLocalAuth', false),
    /disableLocalAuth is false/u,
  ],
  [
    'publishing passwords',
    set(`${site}/basicPublishingCredentialsPolicies`, 'properties.allow', true),
    /allow is true/u,
  ],
  [
    'publishing passwords forgotten',
    removeResources(`${site}/basicPublishingCredentialsPolicies`, /scm$/u),
    /off for ftp/u,
  ],
  [
    'plain Redis',
    set(`${redis}/databases`, 'properties.clientProtocol', 'Plaintext'),
    /clientProtocol is "Plaintext"/u,
  ],
  ['old TLS of Redis', set(redis, 'properties.minimumTlsVersion', '1.0'), /minimumTlsVersion is "1.0"/u],
  [
    'old TLS of storage',
    set(storage, 'properties.minimumTlsVersion', 'TLS1_0'),
    /minimumTlsVersion is "TLS1_0"/u,
  ],
  [
    'plain HTTP of storage',
    set(storage, 'properties.supportsHttpsTrafficOnly', false),
    /supportsHttpsTrafficOnly is false/u,
  ],
  ['plain HTTP of the app', set(site, 'properties.httpsOnly', false), /httpsOnly is false/u],
  ['old TLS of the app', set(site, 'properties.siteConfig.minTlsVersion', '1.0'), /minTlsVersion is "1.0"/u],
  ['a setting that nobody reads', addSetting('REDIS_PASWORD'), /nobody reads the setting REDIS_PASWORD/u],
  [
    'a setting that Flex Consumption refuses',
    addSetting('WEBSITE_RUN_FROM_PACKAGE'),
    /WEBSITE_RUN_FROM_PACKAGE is not valid/u,
  ],
  ['a storage connection string', addSetting('AzureWebJobsStorage'), /AzureWebJobsStorage is not valid/u],
  ['no host name', removeSetting('REDIS_HOSTNAME'), /REDIS_HOSTNAME is missing/u],
  ['telemetry by key', removeSetting('APPLICATIONINSIGHTS_AUTHENTICATION_STRING'), /without a token/u],
  [
    'another identity for Redis',
    setSetting('AZURE_CLIENT_ID', 'someone-else'),
    /AZURE_CLIENT_ID does not name/u,
  ],
  [
    'another account for the host',
    setSetting('AzureWebJobsStorage__accountName', 'other'),
    /another account/u,
  ],
  [
    'another identity of the app',
    set(site, 'identity.userAssignedIdentities', {}),
    /the app has another identity/u,
  ],
  [
    'another identity for the package',
    set(site, `${deployment}.authentication.userAssignedIdentityResourceId`, 'x'),
    /package is fetched by another/u,
  ],
  [
    'a connection string for the package',
    set(site, `${deployment}.authentication.type`, 'StorageAccountConnectionString'),
    /package is fetched by another/u,
  ],
  [
    'a container that is not made',
    removeResources(`${storage}/blobServices/containers`, /app-package$/u),
    /which is not made/u,
  ],
  ['another plan', set('Microsoft.Web/serverfarms', 'sku.tier', 'Dynamic'), /sku.tier is "Dynamic"/u],
  [
    'public storage',
    set(storage, 'properties.publicNetworkAccess', 'Enabled'),
    /publicNetworkAccess is "Enabled"/u,
  ],
  [
    'public Redis',
    set(redis, 'properties.publicNetworkAccess', 'Enabled'),
    /publicNetworkAccess is "Enabled"/u,
  ],
  [
    'public telemetry',
    set('Microsoft.Insights/components', 'properties.publicNetworkAccessForIngestion', 'Enabled'),
    /ForIngestion is "Enabled"/u,
  ],
  [
    'public logs',
    set('Microsoft.OperationalInsights/workspaces', 'properties.publicNetworkAccessForQuery', 'Enabled'),
    /ForQuery is "Enabled"/u,
  ],
  [
    'no endpoint for Redis',
    removeResources('Microsoft.Network/privateEndpoints', /cache/u),
    /no private endpoint for redisEnterprise/u,
  ],
  [
    'no endpoint for a storage account',
    removeResources('Microsoft.Network/privateEndpoints', /origin/u),
    /storage account has no private endpoint/u,
  ],
  ['an app outside the network', set(site, 'properties.virtualNetworkSubnetId', null), /in no network/u],
];
