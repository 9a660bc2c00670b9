// Everything through which the app reaches the cache, the storage and the telemetry without the Internet:
// a virtual network or yours, private endpoints, DNS zones and the private link scope.

@description('Token that ends the names.')
param nameToken string

@description('Region.')
param location string

@description('Tags of every resource.')
param tags { *: string }

@description('Addresses of a new virtual network.')
param addresses string

@description('Subnet of yours for the app; empty to make a virtual network.')
param appSubnetId string

@description('Subnet of yours for the private endpoints; empty to make a virtual network.')
param endpointSubnetId string

@description('Whether others use the network too.')
param isNetworkShared bool

@description('"new", "none", or the id of the resource group that has the zones.')
param dnsZones string

@description('Resource id of the cache.')
param cacheId string

@description('Resource type of the cache.')
param cacheType string

@description('Name of the account of the Functions host.')
param hostStorageName string

@description('Whether there is an account of the origin.')
param hasOriginStorage bool

@description('Name of the account of the origin.')
param originStorageName string

@description('Name of the Log Analytics workspace.')
param workspaceName string

@description('Name of the Application Insights component.')
param componentName string

var isClassic = cacheType == 'Microsoft.Cache/redis'
var blobZone = 'privatelink.blob.${environment().suffixes.storage}'
var redisZone = isClassic ? 'privatelink.redis.cache.windows.net' : 'privatelink.redis.azure.net'
// https://learn.microsoft.com/azure/azure-monitor/logs/private-link-configure
var monitorZones = [
  'privatelink.monitor.azure.com'
  'privatelink.oms.opinsights.azure.com'
  'privatelink.ods.opinsights.azure.com'
  'privatelink.agentsvc.azure-automation.net'
]
var networkName = 'vnet-${nameToken}'
var usedAppSubnetId = isNetworkShared ? appSubnetId : network!.outputs.appSubnetId
var usedEndpointSubnetId = isNetworkShared ? endpointSubnetId : network!.outputs.endpointSubnetId
// /subscriptions/<id>/resourceGroups/<name>
var zonesHome = startsWith(dnsZones, '/subscriptions/') ? dnsZones : resourceGroup().id

resource hostStorage 'Microsoft.Storage/storageAccounts@2024-01-01' existing = {
  name: hostStorageName
}

resource originStorage 'Microsoft.Storage/storageAccounts@2024-01-01' existing = {
  name: originStorageName
}

module network 'network.bicep' = if (!isNetworkShared) {
  params: { name: networkName, location: location, tags: tags, addresses: addresses }
}

module zones 'dns-zones.bicep' = if (dnsZones == 'new') {
  params: {
    zoneNames: concat([blobZone, redisZone], monitorZones)
    linkName: networkName
    networkId: split(usedEndpointSubnetId, '/subnets/')[0]
    tags: tags
  }
}

module monitoringLink 'monitoring-link.bicep' = {
  params: {
    name: 'ampls-${nameToken}'
    tags: tags
    workspaceName: workspaceName
    componentName: componentName
    isNetworkShared: isNetworkShared
  }
}

var endpoints = concat(
  [
    { name: 'host-storage', targetId: hostStorage.id, groupId: 'blob', zones: [blobZone] }
    {
      name: 'cache'
      targetId: cacheId
      groupId: isClassic ? 'redisCache' : 'redisEnterprise'
      zones: [redisZone]
    }
    {
      name: 'monitoring'
      targetId: resourceId('Microsoft.Insights/privateLinkScopes', 'ampls-${nameToken}')
      groupId: 'azuremonitor'
      // Azure Monitor keeps solution packs in blobs, hence that zone too.
      zones: concat(monitorZones, [blobZone])
    }
  ],
  hasOriginStorage ? [{ name: 'origin-storage', targetId: originStorage.id, groupId: 'blob', zones: [blobZone] }] : []
)

module privateEndpoints 'private-endpoint.bicep' = [
  for endpoint in endpoints: {
    params: {
      name: 'pep-${endpoint.name}-${nameToken}'
      location: location
      tags: tags
      subnetId: usedEndpointSubnetId
      targetId: endpoint.targetId
      groupId: endpoint.groupId
      zoneNames: dnsZones == 'none' ? [] : endpoint.zones
      zoneSubscriptionId: split(zonesHome, '/')[2]
      zoneResourceGroup: split(zonesHome, '/')[4]
    }
    dependsOn: [zones, monitoringLink]
  }
]

@description('Subnet of the function app.')
output appSubnetId string = usedAppSubnetId
