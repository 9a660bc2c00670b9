// For a function app that is there already, on any plan: an identity that gets into a cache and an origin that are
// there too, and the settings that name them. The app itself is not touched. Deployed into the app's resource group by
// `az deployment group create`; docs/deploy.md has the way.

@description('Name of the identity to make.')
param identityName string = 'id-redis-entra-functions'

@description('Region of the identity.')
param location string = resourceGroup().location

@description('Tags of the identity.')
param tags { *: string } = {}

@description('What the cache is: Azure Managed Redis, or Azure Cache for Redis ("classic").')
@allowed(['managed', 'classic'])
param cacheKind string = 'managed'

@description('Name of the cache.')
@minLength(1)
param cacheName string

@description('Resource group of the cache.')
param cacheResourceGroup string = resourceGroup().name

@description('Access policy to assign on a classic cache.')
param classicAccessPolicyName string = 'Data Contributor'

@description('Storage account of a blob origin; empty for none.')
param originStorageName string = ''

@description('Resource group of that account.')
param originResourceGroup string = resourceGroup().name

@description('Container of the origin.')
param originContainerName string = 'origin'

@description('Whether the host and the app send lines of the log only, or spans and metrics as well, by OpenTelemetry.')
@allowed(['logs', 'opentelemetry'])
param telemetry string = 'logs'

@description('Who may call the app: who has a function key, or who comes with a token of Entra that has an app role.')
@allowed(['function-key', 'entra'])
param callers string = 'function-key'

@description('Tenant whose tokens callers come with.')
param callersTenantId string = tenant().tenantId

@description('Audience of those tokens: the client id of the registration that npm run register-callers makes; several are separated by commas.')
param callersAudience string = ''

@description('Prefixes of keys that callers are confined to, by object id or app role.')
param callersPrefixes { *: string } = {}

var token = uniqueString(resourceGroup().id, identityName)
var isManaged = cacheKind == 'managed'
var hasOrigin = originStorageName != ''

module identity 'modules/identity.bicep' = {
  params: { name: identityName, location: location, tags: tags }
}

module redis 'modules/redis-existing.bicep' = if (isManaged) {
  scope: resourceGroup(cacheResourceGroup)
  params: {
    name: cacheName
    appPrincipalId: identity.outputs.principalId
    developerPrincipalId: ''
    nameToken: token
  }
}

module redisClassic 'modules/redis-classic.bicep' = if (!isManaged) {
  scope: resourceGroup(cacheResourceGroup)
  params: {
    name: cacheName
    accessPolicyName: classicAccessPolicyName
    appPrincipalId: identity.outputs.principalId
    developerPrincipalId: ''
    nameToken: token
  }
}

module roles 'modules/roles.bicep' = if (hasOrigin) {
  scope: resourceGroup(originResourceGroup)
  params: {
    identityName: identityName
    identityResourceGroup: resourceGroup().name
    hasHost: false
    hasOriginStorage: true
    originStorageName: hasOrigin ? originStorageName : 'none'
    originContainerName: originContainerName
  }
  dependsOn: [identity]
}

var audience = callers == 'entra' && callersAudience == ''
  ? fail('Callers with tokens need the audience of these: callersAudience')
  : callersAudience
var callerSettings = callers == 'entra'
  ? concat(
      [
        'HTTP_AUTH=entra'
        'HTTP_ENTRA_TENANT_ID=${callersTenantId}'
        'HTTP_ENTRA_AUDIENCE=${audience}'
        'AZURE_AUTHORITY_HOST=${environment().authentication.loginEndpoint}'
      ],
      empty(callersPrefixes) ? [] : ['HTTP_ENTRA_PREFIXES=${string(callersPrefixes)}']
    )
  : []

var redisSettings = isManaged
  ? [
      'REDIS_HOSTNAME=${redis!.outputs.hostName}'
      'REDIS_PORT=${redis!.outputs.port}'
      'REDIS_CLUSTERING_POLICY=${redis!.outputs.clusteringPolicy}'
    ]
  : [
      'REDIS_HOSTNAME=${redisClassic!.outputs.hostName}'
      'REDIS_PORT=${redisClassic!.outputs.port}'
      'REDIS_CLUSTERING_POLICY=${redisClassic!.outputs.clusteringPolicy}'
    ]

@description('Resource id of the identity, to assign to the app.')
output identityId string = identity.outputs.id

@description('Settings of the app, as az functionapp config appsettings set takes them.')
output settings string[] = concat(
  redisSettings,
  ['AZURE_CLIENT_ID=${identity.outputs.clientId}'],
  hasOrigin
    ? [
        'ORIGIN_BLOB_CONTAINER_URL=https://${originStorageName}.blob.${environment().suffixes.storage}/${originContainerName}'
      ]
    : [],
  callerSettings,
  telemetry == 'opentelemetry'
    ? [
        'TELEMETRY=opentelemetry'
        'AzureFunctionsJobHost__telemetryMode=OpenTelemetry'
        'OTEL_TRACES_SAMPLER=microsoft.rate_limited'
        'OTEL_TRACES_SAMPLER_ARG=5'
      ]
    : []
)
