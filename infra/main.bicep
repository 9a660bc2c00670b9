// Everything that the app needs on Azure, in one resource group. No secret is made, read or handed on.
// Deployed by `azd up` with main.bicepparam; docs/deploy.md has the way there.

targetScope = 'subscription'

import { mostConnectionsOf } from 'modules/connection-limits.bicep'

@description('Settings of the app that may be set here; docs/settings.md has what they mean. The others follow from this template.')
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
  CACHE_COMPRESSION: ('auto' | 'off')?
  CACHE_MEMORY_MB: string?
  CACHE_MEMORY_MAX_AGE_MS: string?
  CACHE_QUERY: ('reject' | 'key')?
  REQUEST_BUDGET_MS: string?
  HTTP_ENTRA_EASY_AUTH: ('off' | 'in-front')?
  ORIGIN_KEEP_HEADERS: string?
  ORIGIN_RULES: string?
  WARMUP_SCHEDULE: string?
  WARMUP_KEYS: string?
  WARMUP_PREFIX: string?
  REAUTHENTICATE_SCHEDULE: string?
  @description('functionTimeout of host.json, as hh:mm:ss: how long a warmup may take.')
  AzureFunctionsJobHost__functionTimeout: string?
  TELEMETRY_KEYS: ('none' | 'hashed' | 'plain')?
  @description('Where spans and metrics go by OTLP, besides Application Insights; with telemetry "opentelemetry". One that wants a key in OTEL_EXPORTER_OTLP_HEADERS gets it by hand, as a reference to Key Vault.')
  OTEL_EXPORTER_OTLP_ENDPOINT: string?
  @description('How it is spoken there.')
  OTEL_EXPORTER_OTLP_PROTOCOL: string?
  @description('Which requests are traced: "microsoft.rate_limited" or "microsoft.fixed_percentage" for Application Insights.')
  OTEL_TRACES_SAMPLER: string?
  @description('How many a second for each instance, or what part of them, from 0 to 1.')
  OTEL_TRACES_SAMPLER_ARG: string?
}

@description('Name of the azd environment: part of the name of the resource group, and of the token that ends all other names.')
@minLength(1)
@maxLength(64)
param environmentName string

@description('Region of everything but the cache. Flex Consumption is not in all: npm run infra-check.')
@minLength(1)
param location string

@description('Tags of every resource, besides azd\'s own.')
param extraTags { *: string } = {}

@description('Node.js of the function app.')
@allowed(['24', '22'])
param nodeVersion string = '24'

@description('Memory of an instance, in MB; 2048 has one core, 512 a quarter.')
@allowed([512, 2048, 4096])
param instanceMemoryMB int = 2048

@description('Most instances at a time of each function group: all HTTP functions are one, each timer is another.')
@minValue(40)
@maxValue(1000)
param maximumInstanceCount int = 100

@description('Instances for HTTP that never stop, so that no request meets a cold start; each is paid for by the hour.')
@minValue(0)
@maxValue(1000)
param alwaysReadyHttpInstances int = 0

@description('What a deployment or a changed setting does to the instances: all at once ("Recreate"), or in batches that finish what they are at ("RollingUpdate", a preview).')
@allowed(['Recreate', 'RollingUpdate'])
param updateStrategy string = 'Recreate'

@description('Whether the app and the storage survive the loss of a zone. A new cache with high availability does in any case, where the region has zones.')
param zoneRedundant bool = false

@description('"private" puts the cache, the storage and the telemetry behind private endpoints in a virtual network, with public access off; "public-and-private" leaves public access on, and is the step between. The app itself stays reachable.')
@allowed(['public', 'public-and-private', 'private'])
param network string = 'public'

@description('Addresses of a new virtual network: half for the app, half for the private endpoints. /26 is the smallest.')
param networkAddresses string = '10.0.0.0/23'

@description('Subnet of yours for the app, delegated to Microsoft.App/environments; empty to make a virtual network.')
param appSubnetId string = ''

@description('Subnet of yours for the private endpoints; empty to make a virtual network.')
param endpointSubnetId string = ''

@description('"new" makes the private DNS zones; "none" leaves the records to somebody else, a policy perhaps; else the id of the resource group that has the zones.')
param dnsZones string = 'new'

@description('Whether logs can be queried from the Internet, by whoever Entra lets. Off in the private variant: the portal then shows them only to a browser within the network.')
param publicLogQueries bool = network != 'private'

@description('Whether a new Azure Managed Redis is made, or one that is there is used: Azure Managed Redis, or Azure Cache for Redis ("classic").')
@allowed(['new', 'existing', 'existing-classic'])
param cache string = 'new'

@description('Region of a new cache: where the other has no capacity for it.')
@minLength(1)
param cacheLocation string = location

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

@description('How long deleted and overwritten blobs of the origin can be had back, in days; 0 for not at all.')
@minValue(0)
@maxValue(365)
param originSoftDeleteDays int = 7

@description('Whether the host and the app send lines of the log only, or spans and metrics as well, by OpenTelemetry: docs/operations.md, "OpenTelemetry", has what that changes.')
@allowed(['logs', 'opentelemetry'])
param telemetry string = 'logs'

@description('Who may call the app: who has a function key, or who comes with a token of Entra that has an app role. docs/deploy.md, "Callers with tokens", has the way.')
@allowed(['function-key', 'entra'])
param callers string = 'function-key'

@description('Tenant whose tokens callers come with; empty for that of the subscription.')
param callersTenantId string = ''

@description('Audience of those tokens: the client id of the registration that npm run register-callers makes; several are separated by commas.')
param callersAudience string = ''

@description('Prefixes of keys that callers are confined to, by object id or app role.')
param callersPrefixes { *: string } = {}

@description('Further settings of the app.')
param appSettings appSettingsType = {}

@description('Object id of who may fill the blob origin and use the cache from their own machine; empty for who deploys, "none" for nobody.')
param developerPrincipalId string = ''

@description('What the developer is; empty to let Azure look it up.')
@allowed(['', 'User', 'ServicePrincipal'])
param developerPrincipalType string = ''

@description('Object id of who deploys, as azd knows it; empty for nobody.')
param deployerPrincipalId string = ''

@description('What the deployer is; empty to let Azure look it up.')
@allowed(['', 'User', 'ServicePrincipal'])
param deployerPrincipalType string = ''

@description('Where alerts are mailed to; empty for nowhere.')
param alertEmail string = ''

@description('How long logs are kept, in days.')
@minValue(30)
@maxValue(730)
param logRetentionDays int = 30

@description('Whether the connection log of a new cache and the request logs of the storage accounts are kept too.')
param diagnosticLogs bool = false

// No region: a name stays when one is changed, and Azure says that it cannot move, instead of making all anew.
var token = toLower(uniqueString(subscription().id, environmentName))
var tags = union(extraTags, { 'azd-env-name': environmentName })
var isPrivate = network == 'private'
var hasEndpoints = network != 'public'
var hasBlobOrigin = origin == 'blob'
var hasOwnNetwork = (appSubnetId == '') == (endpointSubnetId == '')
  ? appSubnetId != ''
  : fail('A network of yours needs both of its subnets: DEPLOY_APP_SUBNET_ID, DEPLOY_ENDPOINT_SUBNET_ID')
// The scope of a module is worked out also when its condition is false, and a group without a name is refused.
var existingCacheGroup = cache == 'new'
  ? 'rg-${environmentName}'
  : existingCacheName == '' || existingCacheResourceGroup == ''
      ? fail('A cache that is there needs its name and its resource group: DEPLOY_EXISTING_CACHE_NAME, DEPLOY_EXISTING_CACHE_RESOURCE_GROUP')
      : existingCacheResourceGroup
var existingName = cache == 'new' ? 'none' : existingCacheName
var httpOriginTemplate = origin == 'http' && originUrlTemplate == ''
  ? fail('An HTTP origin needs its URL with {key}: DEPLOY_ORIGIN_URL_TEMPLATE')
  : originUrlTemplate
// Who deploys gets no rights on a cache that is somebody else's, unless they are named.
var namedDeveloperId = developerPrincipalId == 'none' ? '' : developerPrincipalId
var developer = developerPrincipalId == ''
  ? { id: deployerPrincipalId, type: deployerPrincipalType }
  : { id: namedDeveloperId, type: developerPrincipalType }
var cacheDeveloperId = cache == 'new' ? developer.id : namedDeveloperId
var originContainerName = 'origin'
var deploymentContainerName = 'app-package'
var hasOpenTelemetry = telemetry == 'opentelemetry'
// The host's own sampling, in host.json, does not count then: without this it would send every request.
// https://learn.microsoft.com/azure/azure-monitor/app/opentelemetry-sampling
var telemetrySettings = hasOpenTelemetry
  ? {
      TELEMETRY: 'opentelemetry'
      AzureFunctionsJobHost__telemetryMode: 'OpenTelemetry'
      OTEL_TRACES_SAMPLER: 'microsoft.rate_limited'
      OTEL_TRACES_SAMPLER_ARG: '5'
    }
  : {}
var callerSettings = callers == 'entra'
  ? union(
      {
        HTTP_AUTH: 'entra'
        HTTP_ENTRA_TENANT_ID: callersTenantId == '' ? tenant().tenantId : callersTenantId
        HTTP_ENTRA_AUDIENCE: callersAudience == ''
          ? fail('Callers with tokens need the audience of these: DEPLOY_CALLERS_AUDIENCE')
          : callersAudience
        AZURE_AUTHORITY_HOST: environment().authentication.loginEndpoint
      },
      empty(callersPrefixes) ? {} : { HTTP_ENTRA_PREFIXES: string(callersPrefixes) }
    )
  : {}
var cacheType = cache == 'existing-classic' ? 'Microsoft.Cache/redis' : 'Microsoft.Cache/redisEnterprise'

// Abbreviations of https://learn.microsoft.com/azure/cloud-adoption-framework/ready/azure-best-practices/resource-abbreviations
var names = {
  identity: 'id-${token}'
  hostStorage: 'sthost${token}'
  originStorage: 'storigin${token}'
  cache: 'amr-${token}'
  workspace: 'log-${token}'
  component: 'appi-${token}'
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
    zoneRedundant: zoneRedundant
    // Locks and timers are overwritten all the time: keeping each would only cost.
    softDeleteDays: 0
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
    zoneRedundant: zoneRedundant
    softDeleteDays: originSoftDeleteDays
  }
}

module redis 'modules/redis.bicep' = if (cache == 'new') {
  scope: group
  params: {
    name: names.cache
    location: cacheLocation
    tags: tags
    sku: cacheSku
    highAvailability: cacheHighAvailability
    clusteringPolicy: cacheClusteringPolicy
    publicAccess: !isPrivate
    appPrincipalId: identity.outputs.principalId
    developerPrincipalId: cacheDeveloperId
    nameToken: token
  }
}

module redisExisting 'modules/redis-existing.bicep' = if (cache == 'existing') {
  scope: resourceGroup(existingCacheGroup)
  params: {
    name: existingName
    appPrincipalId: identity.outputs.principalId
    developerPrincipalId: cacheDeveloperId
    nameToken: token
  }
}

module redisClassic 'modules/redis-classic.bicep' = if (cache == 'existing-classic') {
  scope: resourceGroup(existingCacheGroup)
  params: {
    name: existingName
    accessPolicyName: classicAccessPolicyName
    appPrincipalId: identity.outputs.principalId
    developerPrincipalId: cacheDeveloperId
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

var mostConnections = cache == 'new'
  ? mostConnectionsOf(cacheSku)
  : cache == 'existing' ? redisExisting!.outputs.mostConnections : redisClassic!.outputs.mostConnections

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
    hasOriginStorage: hasBlobOrigin
    originStorageName: names.originStorage
    originContainerName: originContainerName
    componentName: names.component
    developerPrincipalId: developer.id
    developerPrincipalType: developer.type
  }
  // Names, not outputs, go from module to module, so that a preview can name what it changes.
  dependsOn: [identity, hostStorage, originStorage, monitoring]
}

module privateAccess 'modules/private-access.bicep' = if (hasEndpoints) {
  scope: group
  params: {
    nameToken: token
    location: location
    tags: tags
    addresses: networkAddresses
    appSubnetId: appSubnetId
    endpointSubnetId: endpointSubnetId
    isNetworkShared: hasOwnNetwork
    dnsZones: dnsZones
    cacheId: cacheId
    cacheType: cacheType
    hostStorageName: names.hostStorage
    hasOriginStorage: hasBlobOrigin
    originStorageName: names.originStorage
    workspaceName: names.workspace
    componentName: names.component
  }
  dependsOn: [hostStorage, originStorage, monitoring]
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
    updateStrategy: updateStrategy
    zoneRedundant: zoneRedundant
    identityName: names.identity
    hostStorageName: names.hostStorage
    deploymentContainerName: deploymentContainerName
    componentName: names.component
    subnetId: !hasEndpoints ? '' : hasOwnNetwork ? appSubnetId : privateAccess!.outputs.appSubnetId
    settings: union(
      {
        REDIS_HOSTNAME: cacheHostName
        REDIS_PORT: string(cachePort)
        REDIS_CLUSTERING_POLICY: clusteringPolicy
      },
      hasBlobOrigin
        ? { ORIGIN_BLOB_CONTAINER_URL: '${originStorage!.outputs.blobEndpoint}${originContainerName}' }
        : origin == 'http' ? { ORIGIN_URL_TEMPLATE: httpOriginTemplate } : {},
      telemetrySettings,
      callerSettings,
      appSettings
    )
  }
  // The host starts when the app exists, and fails for what it may not enter yet or cannot find.
  dependsOn: [roles]
}

module diagnostics 'modules/diagnostics.bicep' = if (diagnosticLogs) {
  scope: group
  params: {
    workspaceName: names.workspace
    hostStorageName: names.hostStorage
    hasOriginStorage: hasBlobOrigin
    originStorageName: names.originStorage
    hasCache: cache == 'new'
    cacheName: names.cache
  }
  dependsOn: [hostStorage, originStorage, redis, monitoring]
}

module actionGroup 'modules/action-group.bicep' = if (alertEmail != '') {
  scope: group
  params: { name: 'ag-${token}', tags: tags, email: alertEmail }
}

var actionGroupId = alertEmail == '' ? '' : actionGroup!.outputs.id

module alerts 'modules/alerts.bicep' = {
  scope: group
  params: {
    nameToken: token
    location: location
    tags: tags
    componentId: monitoring.outputs.componentId
    actionGroupId: actionGroupId
  }
}

module metricAlerts 'modules/metric-alerts.bicep' = {
  scope: group
  params: {
    nameToken: token
    tags: tags
    cacheId: cacheId
    cacheType: cacheType
    mostConnections: mostConnections
    actionGroupId: actionGroupId
  }
}

module workbook 'modules/workbook.bicep' = {
  scope: group
  params: {
    location: location
    tags: tags
    componentName: names.component
    cacheId: cacheId
    cacheType: toLower(cacheType)
    hasOpenTelemetry: hasOpenTelemetry
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
