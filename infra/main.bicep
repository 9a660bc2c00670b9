// Everything that the app needs on Azure, in one resource group. No secret is made, read or handed on.
// Deployed by `azd up` with main.bicepparam; docs/deploy.md has the way there.

targetScope = 'subscription'

@description('Settings of the app that may be set here; README.md has what they mean. The others follow from this template.')
@sealed()
type appSettingsType = {
  REDIS_ENTRA_SCOPE: string?
  REDIS_USERNAME: string?
  APP_NAMESPACE: string?
  CACHE_KEY_PREFIX: string?
  CACHE_WRITES: ('enabled' | 'disabled')?
  CACHE_DEFAULT_TTL_SECONDS: string?
  CACHE_STALE_SECONDS: string?
  CACHE_MAX_VALUE_BYTES: string?
  CACHE_QUERY: ('reject' | 'key')?
  REQUEST_BUDGET_MS: string?
  ORIGIN_KEEP_HEADERS: string?
  WARMUP_SCHEDULE: string?
  WARMUP_KEYS: string?
  WARMUP_PREFIX: string?
  REAUTHENTICATE_SCHEDULE: string?
  @description('functionTimeout of host.json, as hh:mm:ss: how long a warmup may take.')
  AzureFunctionsJobHost__functionTimeout: string?
}

@description('Name of the azd environment: part of the name of the resource group, and of the token that ends all other names.')
@minLength(1)
@maxLength(64)
param environmentName string

@description('Region of everything. Flex Consumption is not in all: az functionapp list-flexconsumption-locations.')
@minLength(1)
param location string

@description('Node.js of the function app.')
@allowed(['24', '22'])
param nodeVersion string = '24'

@description('Memory of an instance, in MB; 2048 has one core, 512 a quarter.')
@allowed([512, 2048, 4096])
param instanceMemoryMB int = 2048

@description('Most instances at a time.')
@minValue(40)
@maxValue(1000)
param maximumInstanceCount int = 100

@description('Instances for HTTP that never stop, so that no request meets a cold start; each is paid for by the hour.')
@minValue(0)
@maxValue(1000)
param alwaysReadyHttpInstances int = 0

@description('"private" puts the cache, the storage and the telemetry behind private endpoints in a virtual network, with public access off. The app itself stays reachable.')
@allowed(['public', 'private'])
param network string = 'public'

@description('Whether logs can be queried from the Internet, by whoever Entra lets. Off in the private variant: the portal then shows them only to a browser within the network.')
param publicLogQueries bool = network == 'public'

@description('Whether a new Azure Managed Redis is made, or one that is there is used: Azure Managed Redis, or Azure Cache for Redis ("classic").')
@allowed(['new', 'existing', 'existing-classic'])
param cache string = 'new'

@description('SKU of a new cache.')
param cacheSku string = 'Balanced_B0'

@description('Whether a new cache has a replica. Without, it costs half, and a failure or an update empties it.')
param cacheHighAvailability bool = true

@description('Clustering policy of a new cache.')
@allowed(['EnterpriseCluster', 'NoCluster', 'OSSCluster'])
param cacheClusteringPolicy string = 'EnterpriseCluster'

@description('Name of the cache that is there.')
param existingCacheName string = ''

@description('Resource group of the cache that is there.')
param existingCacheResourceGroup string = ''

@description('Access policy to assign on a classic cache.')
param classicAccessPolicyName string = 'Data Contributor'

@description('What misses are filled from: a blob container that is made here, an HTTP service (originUrlTemplate), or nothing.')
@allowed(['blob', 'http', 'none'])
param origin string = 'blob'

@description('ORIGIN_URL_TEMPLATE of an HTTP origin: a URL with {key} in its path or query.')
param originUrlTemplate string = ''

@description('Further settings of the app.')
param appSettings appSettingsType = {}

@description('Object id of a person who may fill the blob origin and use the cache from their own machine; empty for nobody.')
param developerPrincipalId string = ''

@description('Where alerts are mailed to; empty for nowhere.')
param alertEmail string = ''

@description('How long logs are kept, in days.')
@minValue(30)
@maxValue(730)
param logRetentionDays int = 30

var token = toLower(uniqueString(subscription().id, environmentName, location))
var tags = { 'azd-env-name': environmentName }
var isPrivate = network == 'private'
var hasBlobOrigin = origin == 'blob'
var existingCacheGroup = cache != 'new' && (existingCacheName == '' || existingCacheResourceGroup == '')
  ? fail('A cache that is there needs its name and its resource group: DEPLOY_EXISTING_CACHE_NAME, DEPLOY_EXISTING_CACHE_RESOURCE_GROUP')
  : existingCacheResourceGroup
var httpOriginTemplate = origin == 'http' && originUrlTemplate == ''
  ? fail('An HTTP origin needs its URL with {key}: DEPLOY_ORIGIN_URL_TEMPLATE')
  : originUrlTemplate
var originContainerName = 'origin'
var deploymentContainerName = 'app-package'
var blobZone = 'privatelink.blob.${environment().suffixes.storage}'
var redisZone = cache == 'existing-classic' ? 'privatelink.redis.cache.windows.net' : 'privatelink.redis.azure.net'
// https://learn.microsoft.com/azure/azure-monitor/logs/private-link-configure
var monitorZones = [
  'privatelink.monitor.azure.com'
  'privatelink.oms.opinsights.azure.com'
  'privatelink.ods.opinsights.azure.com'
  'privatelink.agentsvc.azure-automation.net'
]

// Abbreviations of https://learn.microsoft.com/azure/cloud-adoption-framework/ready/azure-best-practices/resource-abbreviations
var names = {
  identity: 'id-${token}'
  hostStorage: 'sthost${token}'
  originStorage: 'storigin${token}'
  cache: 'amr-${token}'
  workspace: 'log-${token}'
  component: 'appi-${token}'
  network: 'vnet-${token}'
  plan: 'plan-${token}'
  app: 'func-${token}'
}

resource group 'Microsoft.Resources/resourceGroups@2024-11-01' = {
  name: 'rg-${environmentName}'
  location: location
  tags: tags
}

module identity 'modules/identity.bicep' = {
  scope: group
  params: { name: names.identity, location: location, tags: tags }
}

module hostStorage 'modules/storage.bicep' = {
  scope: group
  params: {
    name: names.hostStorage
    location: location
    tags: tags
    containers: [deploymentContainerName]
    publicAccess: !isPrivate
  }
}

// An account of its own: the app may read it and nothing else, and who fills it need not see the host's.
module originStorage 'modules/storage.bicep' = if (hasBlobOrigin) {
  scope: group
  params: {
    name: names.originStorage
    location: location
    tags: tags
    containers: [originContainerName]
    publicAccess: !isPrivate
  }
}

module redis 'modules/redis.bicep' = if (cache == 'new') {
  scope: group
  params: {
    name: names.cache
    location: location
    tags: tags
    sku: cacheSku
    highAvailability: cacheHighAvailability
    clusteringPolicy: cacheClusteringPolicy
    publicAccess: !isPrivate
    appPrincipalId: identity.outputs.principalId
    developerPrincipalId: developerPrincipalId
    nameToken: token
  }
}

module redisExisting 'modules/redis-existing.bicep' = if (cache == 'existing') {
  scope: resourceGroup(existingCacheGroup)
  params: {
    name: existingCacheName
    appPrincipalId: identity.outputs.principalId
    developerPrincipalId: developerPrincipalId
    nameToken: token
  }
}

module redisClassic 'modules/redis-classic.bicep' = if (cache == 'existing-classic') {
  scope: resourceGroup(existingCacheGroup)
  params: {
    name: existingCacheName
    accessPolicyName: classicAccessPolicyName
    appPrincipalId: identity.outputs.principalId
    developerPrincipalId: developerPrincipalId
    nameToken: token
  }
}

var cacheId = cache == 'new'
  ? redis!.outputs.id
  : cache == 'existing' ? redisExisting!.outputs.id : redisClassic!.outputs.id
var cacheHostName = cache == 'new'
  ? redis!.outputs.hostName
  : cache == 'existing' ? redisExisting!.outputs.hostName : redisClassic!.outputs.hostName
var cachePort = cache == 'new' ? 10000 : cache == 'existing' ? redisExisting!.outputs.port : redisClassic!.outputs.port
var clusteringPolicy = cache == 'new'
  ? cacheClusteringPolicy
  : cache == 'existing' ? redisExisting!.outputs.clusteringPolicy : redisClassic!.outputs.clusteringPolicy

module monitoring 'modules/monitoring.bicep' = {
  scope: group
  params: {
    workspaceName: names.workspace
    componentName: names.component
    location: location
    tags: tags
    retentionDays: logRetentionDays
    publicIngestion: !isPrivate
    publicQueries: publicLogQueries
  }
}

module roles 'modules/roles.bicep' = {
  scope: group
  params: {
    identityName: names.identity
    hostStorageName: names.hostStorage
    originStorageName: hasBlobOrigin ? names.originStorage : ''
    originContainerName: originContainerName
    componentName: names.component
    developerPrincipalId: developerPrincipalId
  }
  // Names, not outputs, go from module to module, so that a preview can name what it changes.
  dependsOn: [identity, hostStorage, originStorage, monitoring]
}

module privateNetwork 'modules/network.bicep' = if (isPrivate) {
  scope: group
  params: {
    name: names.network
    location: location
    tags: tags
    zoneNames: concat([blobZone, redisZone], monitorZones)
  }
}

module hostStorageEndpoint 'modules/private-endpoint.bicep' = if (isPrivate) {
  scope: group
  params: {
    name: 'pep-host-storage-${token}'
    location: location
    tags: tags
    subnetId: privateNetwork!.outputs.endpointSubnetId
    targetId: hostStorage.outputs.id
    groupId: 'blob'
    zoneNames: [blobZone]
  }
}

module originStorageEndpoint 'modules/private-endpoint.bicep' = if (isPrivate && hasBlobOrigin) {
  scope: group
  params: {
    name: 'pep-origin-storage-${token}'
    location: location
    tags: tags
    subnetId: privateNetwork!.outputs.endpointSubnetId
    targetId: originStorage!.outputs.id
    groupId: 'blob'
    zoneNames: [blobZone]
  }
}

module cacheEndpoint 'modules/private-endpoint.bicep' = if (isPrivate) {
  scope: group
  params: {
    name: 'pep-cache-${token}'
    location: location
    tags: tags
    subnetId: privateNetwork!.outputs.endpointSubnetId
    targetId: cacheId
    groupId: cache == 'existing-classic' ? 'redisCache' : 'redisEnterprise'
    zoneNames: [redisZone]
  }
}

module monitoringLink 'modules/monitoring-link.bicep' = if (isPrivate) {
  scope: group
  params: {
    name: 'ampls-${token}'
    tags: tags
    workspaceName: names.workspace
    componentName: names.component
  }
  dependsOn: [monitoring]
}

module monitoringEndpoint 'modules/private-endpoint.bicep' = if (isPrivate) {
  scope: group
  params: {
    name: 'pep-monitoring-${token}'
    location: location
    tags: tags
    subnetId: privateNetwork!.outputs.endpointSubnetId
    targetId: monitoringLink!.outputs.id
    groupId: 'azuremonitor'
    // Azure Monitor keeps solution packs in blobs, hence that zone too.
    zoneNames: concat(monitorZones, [blobZone])
  }
}

module app 'modules/function-app.bicep' = {
  scope: group
  params: {
    planName: names.plan
    name: names.app
    location: location
    tags: tags
    nodeVersion: nodeVersion
    instanceMemoryMB: instanceMemoryMB
    maximumInstanceCount: maximumInstanceCount
    alwaysReadyHttpInstances: alwaysReadyHttpInstances
    identityName: names.identity
    hostStorageName: names.hostStorage
    deploymentContainerName: deploymentContainerName
    componentName: names.component
    subnetId: isPrivate ? privateNetwork!.outputs.appSubnetId : ''
    settings: union(
      {
        REDIS_HOSTNAME: cacheHostName
        REDIS_PORT: string(cachePort)
        REDIS_CLUSTERING_POLICY: clusteringPolicy
      },
      hasBlobOrigin
        ? { ORIGIN_BLOB_CONTAINER_URL: '${originStorage!.outputs.blobEndpoint}${originContainerName}' }
        : origin == 'http' ? { ORIGIN_URL_TEMPLATE: httpOriginTemplate } : {},
      appSettings
    )
  }
  // The host starts when the app exists, and fails for what it may not enter yet or cannot find.
  dependsOn: [roles, hostStorageEndpoint, originStorageEndpoint, cacheEndpoint, monitoringEndpoint]
}

module alerts 'modules/alerts.bicep' = {
  scope: group
  params: {
    nameToken: token
    location: location
    tags: tags
    componentId: monitoring.outputs.componentId
    email: alertEmail
  }
}

module workbook 'modules/workbook.bicep' = {
  scope: group
  params: {
    location: location
    tags: tags
    componentName: names.component
    cacheId: cacheId
    cacheType: cache == 'existing-classic' ? 'microsoft.cache/redis' : 'microsoft.cache/redisenterprise'
  }
  dependsOn: [monitoring]
}

@description('Region.')
output AZURE_LOCATION string = location

@description('Resource group; azd looks for the app here.')
output AZURE_RESOURCE_GROUP string = group.name

@description('Name of the function app.')
output SERVICE_APP_NAME string = app.outputs.name

@description('URL of the function app.')
output SERVICE_APP_URI string = app.outputs.url

@description('Host name of the cache.')
output REDIS_HOSTNAME string = cacheHostName

@description('Port of the cache.')
output REDIS_PORT int = cachePort

@description('Clustering policy of the cache.')
output REDIS_CLUSTERING_POLICY string = clusteringPolicy

@description('URL of the container of the blob origin; empty where there is none.')
output ORIGIN_BLOB_CONTAINER_URL string = hasBlobOrigin
  ? '${originStorage!.outputs.blobEndpoint}${originContainerName}'
  : ''
