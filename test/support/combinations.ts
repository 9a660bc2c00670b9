// The parameters that decide what is made, in every combination, and what has to come out of each.

import type { Prediction } from '../../scripts/infra-changes.ts';
import { subscriptionId } from './template-copy.ts';
import { at, ofType, unmet, type Faults } from './prediction.ts';

export interface Combination {
  readonly network: 'public' | 'public-and-private' | 'private';
  readonly subnets: 'ours' | 'theirs';
  readonly cache: 'new' | 'existing' | 'existing-classic';
  readonly origin: 'blob' | 'http' | 'none';
  /** Where the DNS zones are: they matter to the endpoints only. */
  readonly zones: 'new' | 'none' | 'elsewhere';
  readonly redundancy: 'zone-redundant' | 'local';
}

const origins = ['blob', 'http', 'none'] as const;
const caches = ['new', 'existing', 'existing-classic'] as const;
const networks = [
  ['public', 'ours'],
  ['public-and-private', 'ours'],
  ['public-and-private', 'theirs'],
  ['private', 'ours'],
  ['private', 'theirs'],
] as const;

/**
 * Network, subnets, cache and origin in every combination; DNS zones and redundancy, which change values of single
 * resources, go round so that each of theirs meets each of every other.
 */
export const combinations: readonly Combination[] = networks.flatMap(([network, subnets], row) =>
  caches.flatMap((cache, column) =>
    origins.map((origin, index) => ({
      network,
      subnets,
      cache,
      origin,
      zones: (['new', 'none', 'elsewhere'] as const)[(row + column + index) % 3] ?? 'new',
      redundancy: (row + column * 2 + index) % 2 === 0 ? 'zone-redundant' : 'local',
    })),
  ),
);

const theirNetwork = `/subscriptions/${subscriptionId}/resourceGroups/rg-net/providers/Microsoft.Network/virtualNetworks/hub`;

export function valuesOf({
  network,
  subnets,
  cache,
  origin,
  zones,
  redundancy,
}: Combination): Record<string, unknown> {
  return {
    environmentName: 'demo',
    location: 'westeurope',
    network,
    cache,
    origin,
    zoneRedundant: redundancy === 'zone-redundant',
    dnsZones: zones === 'elsewhere' ? `/subscriptions/${subscriptionId}/resourceGroups/rg-dns` : zones,
    ...(subnets === 'ours'
      ? {}
      : {
          appSubnetId: `${theirNetwork}/subnets/app`,
          endpointSubnetId: `${theirNetwork}/subnets/endpoints`,
        }),
    ...(cache === 'new' ? {} : { existingCacheName: 'old', existingCacheResourceGroup: 'rg-old' }),
    ...(origin === 'http' ? { originUrlTemplate: 'https://example.org/{key}' } : {}),
  };
}

const logAlerts = [
  'cache-unreachable',
  'commands-refused',
  'no-roll-call',
  'origin-failing',
  'renewals-failing',
  'server-errors',
  'silent-instances',
];

/** `type name`, with `~` for the token; role assignments apart. */
export function expectedResources(combination: Combination): readonly string[] {
  const { network, subnets, cache, origin, zones } = combination;
  const storage = (name: string, container: string): readonly string[] => [
    `Microsoft.Storage/storageAccounts ${name}`,
    `Microsoft.Storage/storageAccounts/blobServices ${name}/default`,
    `Microsoft.Storage/storageAccounts/blobServices/containers ${name}/default/${container}`,
  ];
  const access = 'databases/accessPolicyAssignments';
  const cacheParts = {
    new: [
      'Microsoft.Cache/redisEnterprise amr-~',
      'Microsoft.Cache/redisEnterprise/databases amr-~/default',
      `Microsoft.Cache/redisEnterprise/${access} amr-~/default/app~`,
    ],
    existing: [`Microsoft.Cache/redisEnterprise/${access} old/default/app~`],
    'existing-classic': ['Microsoft.Cache/redis/accessPolicyAssignments old/app~'],
  };
  const endpoints = ['host-storage', 'cache', 'monitoring', ...(origin === 'blob' ? ['origin-storage'] : [])];
  const privateParts = [
    ...endpoints.map((name) => `Microsoft.Network/privateEndpoints pep-${name}-~`),
    ...(zones === 'none'
      ? []
      : endpoints.map(
          (name) => `Microsoft.Network/privateEndpoints/privateDnsZoneGroups pep-${name}-~/default`,
        )),
    'Microsoft.Insights/privateLinkScopes ampls-~',
    'Microsoft.Insights/privateLinkScopes/scopedResources ampls-~/log-~',
    'Microsoft.Insights/privateLinkScopes/scopedResources ampls-~/appi-~',
    ...(subnets === 'ours' ? ['Microsoft.Network/virtualNetworks vnet-~'] : []),
    ...(zones === 'new'
      ? zoneNames(combination).flatMap((zone) => [
          `Microsoft.Network/privateDnsZones ${zone}`,
          `Microsoft.Network/privateDnsZones/virtualNetworkLinks ${zone}/vnet-~`,
        ])
      : []),
  ];
  return [
    'Microsoft.Resources/resourceGroups rg-demo',
    'Microsoft.ManagedIdentity/userAssignedIdentities id-~',
    ...storage('sthost~', 'app-package'),
    ...(origin === 'blob' ? storage('storigin~', 'origin') : []),
    ...cacheParts[cache],
    'Microsoft.OperationalInsights/workspaces log-~',
    'Microsoft.Insights/components appi-~',
    ...(network === 'public' ? [] : privateParts),
    'Microsoft.Web/serverfarms plan-~',
    'Microsoft.Web/sites func-~',
    ...['ftp', 'scm'].map((name) => `Microsoft.Web/sites/basicPublishingCredentialsPolicies func-~/${name}`),
    ...logAlerts.map((name) => `Microsoft.Insights/scheduledQueryRules alert-${name}-~`),
    ...['memory', 'load', 'connections'].map(
      (name) => `Microsoft.Insights/metricAlerts alert-cache-${name}-~`,
    ),
    'Microsoft.Insights/workbooks <guid>',
  ];
}

function zoneNames({ cache }: Combination): readonly string[] {
  return [
    'blob.core.windows.net',
    cache === 'existing-classic' ? 'redis.cache.windows.net' : 'redis.azure.net',
    'monitor.azure.com',
    'oms.opinsights.azure.com',
    'ods.opinsights.azure.com',
    'agentsvc.azure-automation.net',
  ].map((zone) => `privatelink.${zone}`);
}

export function expectedRoles({ origin }: Combination): readonly string[] {
  return [
    'Storage Blob Data Owner on Microsoft.Storage/storageAccounts/sthost~ to id-~',
    'Monitoring Metrics Publisher on Microsoft.Insights/components/appi-~ to id-~',
    ...(origin === 'blob'
      ? [
          'Storage Blob Data Reader on Microsoft.Storage/storageAccounts/storigin~/blobServices/default/containers/origin to id-~',
        ]
      : []),
  ];
}

/** Values that a combination decides, where they are not as it says. */
export function valueFaults(predicted: Prediction, combination: Combination): Faults {
  const { network, subnets, cache, zones, redundancy } = combination;
  const open = network === 'private' ? 'Disabled' : 'Enabled';
  const metricNamespace =
    cache === 'existing-classic' ? 'Microsoft.Cache/redis' : 'Microsoft.Cache/redisEnterprise';
  const [app] = ofType(predicted, 'Microsoft.Web/sites');
  const subnet = at(app, 'properties.virtualNetworkSubnetId');
  const zoneIds = JSON.stringify(
    ofType(predicted, 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups'),
  );
  const groups = ofType(predicted, 'Microsoft.Network/privateEndpoints').map(
    (endpoint) => /"groupIds":\["(\w+)"\]/u.exec(JSON.stringify(endpoint))?.[1],
  );
  const scopes = ofType(predicted, 'Microsoft.Insights/metricAlerts').map((alert) => JSON.stringify(alert));
  const rules: readonly (readonly [boolean, string])[] = [
    [network === 'public' ? subnet === null : typeof subnet === 'string', 'the subnet of the app'],
    [subnets === 'ours' || network === 'public' || subnet === `${theirNetwork}/subnets/app`, 'their subnet'],
    [
      zones !== 'elsewhere' || network === 'public' || zoneIds.includes('/resourceGroups/rg-dns/'),
      'zones elsewhere',
    ],
    [zones !== 'new' || !zoneIds.includes('rg-dns'), 'zones of ours'],
    [
      network === 'public' ||
        groups.includes(cache === 'existing-classic' ? 'redisCache' : 'redisEnterprise'),
      'the endpoint of the cache',
    ],
    [
      scopes.every((alert) => alert.includes(`"metricNamespace":"${metricNamespace}"`)),
      'the metrics of the cache',
    ],
    [cache === 'new' || scopes.every((alert) => alert.includes('rg-old')), 'the cache that is watched'],
  ];
  return [
    ...rules.filter(([holds]) => !holds).map(([, what]) => what),
    ...unmet(predicted, [
      ['Microsoft.Storage/storageAccounts', 'properties.publicNetworkAccess', open],
      ['Microsoft.Cache/redisEnterprise', 'properties.publicNetworkAccess', open],
      ['Microsoft.Insights/components', 'properties.publicNetworkAccessForIngestion', open],
      ['Microsoft.OperationalInsights/workspaces', 'properties.publicNetworkAccessForIngestion', open],
      ['Microsoft.Web/serverfarms', 'properties.zoneRedundant', redundancy === 'zone-redundant'],
      [
        'Microsoft.Storage/storageAccounts',
        'sku.name',
        redundancy === 'zone-redundant' ? 'Standard_ZRS' : 'Standard_LRS',
      ],
      [
        'Microsoft.Insights/privateLinkScopes',
        'properties.accessModeSettings.ingestionAccessMode',
        subnets === 'ours' ? 'PrivateOnly' : 'Open',
      ],
    ]),
  ];
}
