// What a deployment leaves behind: each resource that goes out of the template, with the command that removes it.

import { expect, it } from 'vitest';
import { leftovers } from '../../../scripts/infra-leftovers.ts';

const group = '/subscriptions/s/resourceGroups/rg-shop/providers';

function resource(path: string): { id: string; type: string; name: string } {
  const [namespace, ...parts] = (path.split('/providers/').at(-1) ?? '').split('/');
  const odd = parts.filter((_, index) => index % 2 === 0);
  const even = parts.filter((_, index) => index % 2 === 1);
  return { id: `${group}/${path}`, type: [namespace, ...odd].join('/'), name: even.join('/') };
}

it('names the command that removes it, by type', () => {
  const removed = (path: string): string =>
    leftovers([resource(path)])
      .join()
      .split(': stays behind; remove it with: ')[1] ?? '';
  expect(removed('Microsoft.Network/virtualNetworks/vnet')).toBe(
    `az resource delete --ids ${group}/Microsoft.Network/virtualNetworks/vnet`,
  );
  expect(
    removed('Microsoft.Storage/storageAccounts/st/providers/Microsoft.Authorization/roleAssignments/r'),
  ).toBe(
    `az role assignment delete --ids ${group}/Microsoft.Storage/storageAccounts/st/providers/Microsoft.Authorization/roleAssignments/r`,
  );
  expect(removed('Microsoft.Cache/redisEnterprise/amr')).toBe(
    `az resource delete --ids ${group}/Microsoft.Cache/redisEnterprise/amr`,
  );
  expect(
    removed('Microsoft.Cache/redisEnterprise/amr/databases/default/accessPolicyAssignments/developer1'),
  ).toBe(
    'az redisenterprise database access-policy-assignment delete --cluster-name amr --resource-group rg-shop --database-name default --access-policy-assignment-name developer1',
  );
  expect(removed('Microsoft.Cache/redis/old/accessPolicyAssignments/app1')).toBe(
    'az redis access-policy-assignment delete --name old --resource-group rg-shop --policy-assignment-name app1',
  );
});

it('orders the commands so that they work, and lets parts go with the whole', () => {
  const zone = 'Microsoft.Network/privateDnsZones/privatelink.redis.azure.net';
  const gone = [
    'Microsoft.Network/virtualNetworks/vnet',
    zone,
    `${zone}/virtualNetworkLinks/vnet`,
    'Microsoft.Network/privateEndpoints/pep/privateDnsZoneGroups/default',
    'Microsoft.Network/privateEndpoints/pep',
  ];
  expect(
    leftovers(gone.map(resource)).map((line) => line.replace(/remove it with: .*\//u, 'remove ')),
  ).toEqual([
    '- Microsoft.Network/privateEndpoints pep: stays behind; remove pep',
    '- Microsoft.Network/privateDnsZones/virtualNetworkLinks privatelink.redis.azure.net/vnet: stays behind; remove vnet',
    '- Microsoft.Network/privateDnsZones privatelink.redis.azure.net: stays behind; remove privatelink.redis.azure.net',
    '- Microsoft.Network/privateEndpoints/privateDnsZoneGroups pep/default: stays behind; goes with pep',
    '- Microsoft.Network/virtualNetworks vnet: stays behind; remove vnet',
  ]);
});
