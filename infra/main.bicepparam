// What azd deploys with: its environment's values, or the template's defaults.
// `azd env set DEPLOY_CACHE_SKU Balanced_B1` changes one; docs/deploy.md has them all.

using 'main.bicep'

param environmentName = readEnvironmentVariable('AZURE_ENV_NAME')
param location = readEnvironmentVariable('AZURE_LOCATION')
param extraTags = json(readEnvironmentVariable('DEPLOY_TAGS', '{}'))

param nodeVersion = readEnvironmentVariable('DEPLOY_NODE_VERSION', '24')
param instanceMemoryMB = json(readEnvironmentVariable('DEPLOY_INSTANCE_MEMORY_MB', '2048'))
param maximumInstanceCount = int(readEnvironmentVariable('DEPLOY_MAXIMUM_INSTANCES', '100'))
param alwaysReadyHttpInstances = int(readEnvironmentVariable('DEPLOY_ALWAYS_READY', '0'))
param updateStrategy = readEnvironmentVariable('DEPLOY_UPDATE_STRATEGY', 'Recreate')
param zoneRedundant = bool(readEnvironmentVariable('DEPLOY_ZONE_REDUNDANT', 'false'))

param network = readEnvironmentVariable('DEPLOY_NETWORK', 'public')
param networkAddresses = readEnvironmentVariable('DEPLOY_NETWORK_ADDRESSES', '10.0.0.0/23')
param appSubnetId = readEnvironmentVariable('DEPLOY_APP_SUBNET_ID', '')
param endpointSubnetId = readEnvironmentVariable('DEPLOY_ENDPOINT_SUBNET_ID', '')
param dnsZones = readEnvironmentVariable('DEPLOY_DNS_ZONES', 'new')
param publicLogQueries = bool(readEnvironmentVariable(
  'DEPLOY_PUBLIC_LOG_QUERIES',
  readEnvironmentVariable('DEPLOY_NETWORK', 'public') == 'private' ? 'false' : 'true'
))

param cache = readEnvironmentVariable('DEPLOY_CACHE', 'new')
param cacheLocation = readEnvironmentVariable('DEPLOY_CACHE_LOCATION', readEnvironmentVariable('AZURE_LOCATION'))
param cacheSku = readEnvironmentVariable('DEPLOY_CACHE_SKU', 'Balanced_B0')
param cacheHighAvailability = bool(readEnvironmentVariable('DEPLOY_CACHE_HIGH_AVAILABILITY', 'true'))
param cacheClusteringPolicy = readEnvironmentVariable('DEPLOY_CACHE_CLUSTERING_POLICY', 'EnterpriseCluster')
param existingCacheName = readEnvironmentVariable('DEPLOY_EXISTING_CACHE_NAME', '')
param existingCacheResourceGroup = readEnvironmentVariable('DEPLOY_EXISTING_CACHE_RESOURCE_GROUP', '')
param classicAccessPolicyName = readEnvironmentVariable('DEPLOY_CLASSIC_ACCESS_POLICY', 'Data Contributor')

param origin = readEnvironmentVariable('DEPLOY_ORIGIN', 'blob')
param originUrlTemplate = readEnvironmentVariable('DEPLOY_ORIGIN_URL_TEMPLATE', '')
param originSoftDeleteDays = int(readEnvironmentVariable('DEPLOY_ORIGIN_SOFT_DELETE_DAYS', '7'))
param telemetry = readEnvironmentVariable('DEPLOY_TELEMETRY', 'logs')
param callers = readEnvironmentVariable('DEPLOY_CALLERS', 'function-key')
param callersTenantId = readEnvironmentVariable('DEPLOY_CALLERS_TENANT_ID', '')
param callersAudience = readEnvironmentVariable('DEPLOY_CALLERS_AUDIENCE', '')
param callersPrefixes = json(readEnvironmentVariable('DEPLOY_CALLERS_PREFIXES', '{}'))
param appSettings = json(readEnvironmentVariable('DEPLOY_APP_SETTINGS', '{}'))

param developerPrincipalId = readEnvironmentVariable('DEPLOY_DEVELOPER_PRINCIPAL_ID', '')
param developerPrincipalType = readEnvironmentVariable('DEPLOY_DEVELOPER_PRINCIPAL_TYPE', '')
// Both are azd's: https://learn.microsoft.com/azure/developer/azure-developer-cli/manage-environment-variables
param deployerPrincipalId = readEnvironmentVariable('AZURE_PRINCIPAL_ID', '')
param deployerPrincipalType = readEnvironmentVariable('AZURE_PRINCIPAL_TYPE', '')

param alertEmail = readEnvironmentVariable('DEPLOY_ALERT_EMAIL', '')
param logRetentionDays = int(readEnvironmentVariable('DEPLOY_LOG_RETENTION_DAYS', '30'))
param diagnosticLogs = bool(readEnvironmentVariable('DEPLOY_DIAGNOSTIC_LOGS', 'false'))
