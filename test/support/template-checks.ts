// What must hold of every variant of the infrastructure, as pure functions that return the faults they find.

import type { Prediction } from '../../scripts/infra-changes.ts';
import { appSettings, at, identityIn, ofType, unmet, type Faults, type Tree } from './prediction.ts';

/** The only ways in are Entra tokens. */
export function passwordFaults(prediction: Prediction): Faults {
  const policies = ofType(prediction, 'Microsoft.Web/sites/basicPublishingCredentialsPolicies');
  const ways = policies.map(({ name }) => name.split('/').at(-1) ?? '').toSorted();
  return [
    ...unmet(prediction, [
      ['Microsoft.Storage/storageAccounts', 'properties.allowSharedKeyAccess', false],
      ['Microsoft.Storage/storageAccounts', 'properties.allowBlobPublicAccess', false],
      ['Microsoft.Storage/storageAccounts/blobServices/containers', 'properties.publicAccess', 'None'],
      ['Microsoft.Cache/redisEnterprise/databases', 'properties.accessKeysAuthentication', 'Disabled'],
      ['Microsoft.Insights/components', 'properties.DisableLocalAuth', true],
      ['Microsoft.OperationalInsights/workspaces', 'properties.features.disableLocalAuth', true],
      ['Microsoft.Web/sites/basicPublishingCredentialsPolicies', 'properties.allow', false],
    ]),
    ...(ways.join() === 'ftp,scm' ? [] : [`publishing passwords are off for ${ways.join() || 'nothing'}`]),
  ];
}

export function tlsFaults(prediction: Prediction): Faults {
  return unmet(prediction, [
    ['Microsoft.Storage/storageAccounts', 'properties.minimumTlsVersion', 'TLS1_2'],
    ['Microsoft.Storage/storageAccounts', 'properties.supportsHttpsTrafficOnly', true],
    ['Microsoft.Cache/redisEnterprise', 'properties.minimumTlsVersion', '1.2'],
    ['Microsoft.Cache/redisEnterprise/databases', 'properties.clientProtocol', 'Encrypted'],
    ['Microsoft.Web/sites', 'properties.httpsOnly', true],
    ['Microsoft.Web/sites', 'properties.siteConfig.minTlsVersion', '1.2'],
  ]);
}

/** Set by the template for the platform: https://learn.microsoft.com/azure/azure-functions/functions-app-settings */
const platformSettings: ReadonlySet<string> = new Set([
  'AzureWebJobsStorage__accountName',
  'AzureWebJobsStorage__credential',
  'AzureWebJobsStorage__clientId',
  'APPLICATIONINSIGHTS_CONNECTION_STRING',
  'APPLICATIONINSIGHTS_AUTHENTICATION_STRING',
]);

/** What the host reads, and the app only together with others. */
const hostSettings: ReadonlySet<string> = new Set([
  'AzureFunctionsJobHost__telemetryMode',
  'OTEL_TRACES_SAMPLER',
  'OTEL_TRACES_SAMPLER_ARG',
]);

/** @param known names of settings that the app reads. */
export function settingFaults(
  prediction: Prediction,
  known: ReadonlySet<string>,
  required: readonly string[],
): Faults {
  const names = Object.keys(appSettings(prediction));
  const unknown = names.filter(
    (name) => !known.has(name) && !platformSettings.has(name) && !hostSettings.has(name),
  );
  const missing = [...required, ...platformSettings].filter((name) => !names.includes(name));
  return [
    ...unknown.map((name) => `nobody reads the setting ${name}`),
    ...missing.map((name) => `the setting ${name} is missing`),
  ];
}

/** The package, the host and the app are entered by the one identity that the app has. */
export function wiringFaults(prediction: Prediction): Faults {
  const [app] = ofType(prediction, 'Microsoft.Web/sites');
  const identities = ofType(prediction, 'Microsoft.ManagedIdentity/userAssignedIdentities');
  const [identity] = identities;
  const assigned = Object.keys(at(app, 'identity.userAssignedIdentities') ?? {});
  const storage = at(app, 'properties.functionAppConfig.deployment.storage') as Tree | undefined;
  const container = /storageAccounts\/(\w+)'.*, '([\w-]+)'\)\]$/u.exec(String(storage?.['value']));
  const [, account, containerName] = container ?? [];
  const settings = appSettings(prediction);
  const containers = ofType(prediction, 'Microsoft.Storage/storageAccounts/blobServices/containers');
  const rules: readonly (readonly [boolean, string])[] = [
    [identities.length === 1 && assigned.join() === identity?.id, 'the app has another identity'],
    [
      at(storage, 'authentication.type') === 'UserAssignedIdentity' &&
        at(storage, 'authentication.userAssignedIdentityResourceId') === identity?.id,
      'the package is fetched by another identity',
    ],
    [
      containers.some(({ name }) => name === `${account}/default/${containerName}`),
      `the package is in ${account}/${containerName}, which is not made`,
    ],
    [settings['AzureWebJobsStorage__accountName'] === account, 'the host uses another account'],
    [settings['AzureWebJobsStorage__credential'] === 'managedidentity', 'the host uses no identity'],
    ...['AZURE_CLIENT_ID', 'AzureWebJobsStorage__clientId', 'APPLICATIONINSIGHTS_AUTHENTICATION_STRING'].map(
      (name) =>
        [
          identityIn(settings[name] ?? '') === identity?.name,
          `${name} does not name the app's identity`,
        ] as const,
    ),
    [
      settings['APPLICATIONINSIGHTS_AUTHENTICATION_STRING']?.includes('Authorization=AAD') === true,
      'telemetry is sent without a token',
    ],
  ];
  return rules.filter(([holds]) => !holds).map(([, fault]) => fault);
}

/** Not to be set on Flex Consumption: https://learn.microsoft.com/azure/azure-functions/functions-app-settings#flex-consumption-plan-deprecations */
export function flexFaults(prediction: Prediction): Faults {
  const refused =
    /^(?:FUNCTIONS_WORKER_RUNTIME|FUNCTIONS_EXTENSION_VERSION|FUNCTIONS_WORKER_PROCESS_COUNT|FUNCTIONS_MAX_HTTP_CONCURRENCY|WEBSITE_(?:NODE_DEFAULT_VERSION|RUN_FROM_PACKAGE|CONTENT\w*|TIME_ZONE)|SCM_DO_BUILD_DURING_DEPLOYMENT|ENABLE_ORYX_BUILD|TZ|AzureWebJobsStorage)/u;
  const [app] = ofType(prediction, 'Microsoft.Web/sites');
  const siteConfig = (at(app, 'properties.siteConfig') ?? {}) as Tree;
  const properties = ['linuxFxVersion', 'alwaysOn', 'functionAppScaleLimit', 'minimumElasticInstanceCount'];
  return [
    ...Object.keys(appSettings(prediction))
      .filter((name) => refused.test(name) && !name.startsWith('AzureWebJobsStorage__'))
      .map((name) => `${name} is not valid on Flex Consumption`),
    ...properties
      .filter((name) => name in siteConfig)
      .map((name) => `${name} is not valid on Flex Consumption`),
    ...unmet(prediction, [
      ['Microsoft.Web/serverfarms', 'sku.tier', 'FlexConsumption'],
      ['Microsoft.Web/sites', 'kind', 'functionapp,linux'],
    ]),
  ];
}
