// Who may do what, what is reachable from where, and what a template gives away, as pure functions that return the
// faults they find.

import type { Prediction } from '../../scripts/infra-changes.ts';
import { at, identityIn, ofType, unmet, type Faults, type Tree } from './prediction.ts';

/** Role ids of https://learn.microsoft.com/azure/role-based-access-control/built-in-roles */
export const roles: Readonly<Record<string, string>> = {
  'b7e6dc6d-f1e8-4753-8033-0f276bb0955b': 'Storage Blob Data Owner',
  '2a2b9908-6ea1-4ae2-8e65-a410df84e7d1': 'Storage Blob Data Reader',
  'ba92f5b4-2d11-453d-a403-e96b0029c9fe': 'Storage Blob Data Contributor',
  '3913510d-42f4-4e42-8a64-420c390055eb': 'Monitoring Metrics Publisher',
};

/** Each assignment as `role on scope to whom`, where the scope is what comes after the resource group. */
export function assignments(prediction: Prediction): readonly string[] {
  return ofType(prediction, 'Microsoft.Authorization/roleAssignments').map((assignment) => {
    const role = String(at(assignment, 'properties.roleDefinitionId')).split('/').at(-1) ?? '';
    const scope = assignment.id.replace(/\/providers\/Microsoft\.Authorization\/roleAssignments\/.*$/u, '');
    const [, within] = /\/resourceGroups\/[^/]+\/providers\/(.+)$/u.exec(scope) ?? [scope, scope];
    const principal = String(at(assignment, 'properties.principalId'));
    return `${roles[role] ?? role} on ${within} to ${identityIn(principal) ?? principal}`;
  });
}

/** No role but those expected, and no scope larger than one resource. */
export function roleFaults(prediction: Prediction, expected: readonly string[]): Faults {
  const actual = assignments(prediction);
  return [
    ...actual.filter((line) => !expected.includes(line)).map((line) => `not expected: ${line}`),
    ...expected.filter((line) => !actual.includes(line)).map((line) => `missing: ${line}`),
  ];
}

/** Nothing is reachable from the Internet but the app, and what the app needs has a private endpoint. */
export function privacyFaults(prediction: Prediction, cache = 'new'): Faults {
  const open = prediction.predictedResources.flatMap((resource) =>
    Object.entries((resource['properties'] ?? {}) as Tree)
      .filter(([name, value]) => /^publicNetworkAccess/iu.test(name) && value !== 'Disabled')
      .map(([name, value]) => `${resource.name}: ${name} is ${JSON.stringify(value)}`),
  );
  const addresses = ofType(prediction, 'Microsoft.Network/publicIPAddresses').map(({ name }) => name);
  const endpoints = ofType(prediction, 'Microsoft.Network/privateEndpoints').map((endpoint) =>
    JSON.stringify(at(endpoint, 'properties.privateLinkServiceConnections')),
  );
  const needed = [cache === 'existing-classic' ? 'redisCache' : 'redisEnterprise', 'azuremonitor'];
  const blobAccounts = ofType(prediction, 'Microsoft.Storage/storageAccounts').length;
  const [app] = ofType(prediction, 'Microsoft.Web/sites');
  return [
    ...open,
    ...unmet(prediction, [
      ['Microsoft.Storage/storageAccounts', 'properties.networkAcls.defaultAction', 'Deny'],
      ['Microsoft.Storage/storageAccounts', 'properties.publicNetworkAccess', 'Disabled'],
      ['Microsoft.Cache/redisEnterprise', 'properties.publicNetworkAccess', 'Disabled'],
      ['Microsoft.Insights/components', 'properties.publicNetworkAccessForIngestion', 'Disabled'],
      ['Microsoft.Insights/components', 'properties.publicNetworkAccessForQuery', 'Disabled'],
      ['Microsoft.OperationalInsights/workspaces', 'properties.publicNetworkAccessForIngestion', 'Disabled'],
      ['Microsoft.OperationalInsights/workspaces', 'properties.publicNetworkAccessForQuery', 'Disabled'],
    ]),
    ...addresses.map((name) => `${name} is a public address`),
    ...needed
      .filter((what) => !endpoints.some((endpoint) => endpoint.includes(what)))
      .map((what) => `no private endpoint for ${what}`),
    ...(endpoints.filter((endpoint) => endpoint.includes('"blob"')).length === blobAccounts
      ? []
      : ['a storage account has no private endpoint']),
    ...(typeof at(app, 'properties.virtualNetworkSubnetId') === 'string' ? [] : ['the app is in no network']),
  ];
}

interface Template {
  readonly parameters?: Readonly<Record<string, { readonly type?: string }>>;
  readonly outputs?: Readonly<Record<string, { readonly type?: string }>>;
  readonly resources?: unknown;
}

/** No parameter or output, of any module, that holds a secret or is called like one; no key is ever read. */
export function secretFaults(template: Template, where = 'main'): Faults {
  const named = (kind: 'parameters' | 'outputs'): Faults =>
    Object.entries(template[kind] ?? {})
      .filter(
        ([name, { type }]) =>
          /^secure/iu.test(type ?? '') || /password|secret|key|connectionString|credential|sas/iu.test(name),
      )
      .map(([name]) => `${where}: ${kind} has ${name}`);
  const resources = Object.entries((template.resources ?? {}) as Tree);
  const nested = resources.flatMap(([name, resource]) => {
    const inner = at(resource, 'properties.template') as Template | undefined;
    return inner === undefined ? [] : secretFaults(inner, name);
  });
  const reads = where === 'main' ? (JSON.stringify(template).match(/\blist\w+\(/gu) ?? []) : [];
  return [
    ...named('parameters'),
    ...named('outputs'),
    ...nested,
    ...reads.map((call) => `reads ${call}...)`),
  ];
}

/** Every parameter, of any module, says what it means. */
export function descriptionFaults(template: Template, where = 'main'): Faults {
  const bare = Object.entries(template.parameters ?? {})
    .filter(([, parameter]) => typeof at(parameter, 'metadata.description') !== 'string')
    .map(([name]) => `${where}: ${name} has no description`);
  const nested = Object.entries((template.resources ?? {}) as Tree).flatMap(([name, resource]) => {
    const inner = at(resource, 'properties.template') as Template | undefined;
    return inner === undefined ? [] : descriptionFaults(inner, name);
  });
  return [...bare, ...nested];
}
