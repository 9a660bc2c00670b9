// What leaves the template stays on Azure, and is paid for: deployments are incremental and delete nothing.
// Says, for each resource that leaves, with which command it is removed.

import type { PredictedResource } from './infra-changes.ts';

/** Before whatever they stand in, point to or send through; everything else in between. */
const first = [
  'Microsoft.Authorization/roleAssignments',
  'Microsoft.Network/privateEndpoints',
  'Microsoft.Network/privateDnsZones/virtualNetworkLinks',
];
const last = ['Microsoft.Network/virtualNetworks'];
/** A zone that is still linked is not deleted, so the link does not go with it. */
const notWithParent = ['Microsoft.Network/privateDnsZones/virtualNetworkLinks'];

/** One line for each resource, in an order in which the commands work. */
export function leftovers(gone: readonly PredictedResource[]): readonly string[] {
  const ids = gone.map(({ id }) => id);
  return gone.toSorted((one, other) => rank(one) - rank(other)).map((resource) => line(resource, ids));
}

function rank({ type }: PredictedResource): number {
  if (first.includes(type)) return first.indexOf(type);
  return first.length + (last.includes(type) ? 1 : 0);
}

function line(resource: PredictedResource, ids: readonly string[]): string {
  const { id, type, name } = resource;
  const parent = notWithParent.includes(type) ? undefined : ids.find((other) => id.startsWith(`${other}/`));
  if (parent !== undefined) return `- ${type} ${name}: stays behind; goes with ${parent.split('/').at(-1)}`;
  return `- ${type} ${name}: stays behind; remove it with: ${removal(resource)}`;
}

/** `az resource delete` knows every type but those whose deletion is a command of its own. */
function removal({ id, type, name }: PredictedResource): string {
  const group = /\/resourceGroups\/([^/]+)/u.exec(id)?.[1] ?? '';
  const [cache = '', ...parts] = name.split('/');
  const assignment = parts.at(-1) ?? '';
  switch (type) {
    case 'Microsoft.Authorization/roleAssignments':
      return `az role assignment delete --ids ${id}`;
    case 'Microsoft.Cache/redisEnterprise/databases/accessPolicyAssignments':
      return `az redisenterprise database access-policy-assignment delete --cluster-name ${cache} --resource-group ${group} --database-name default --access-policy-assignment-name ${assignment}`;
    case 'Microsoft.Cache/redis/accessPolicyAssignments':
      return `az redis access-policy-assignment delete --name ${cache} --resource-group ${group} --policy-assignment-name ${assignment}`;
    default:
      return `az resource delete --ids ${id}`;
  }
}
