// What azd deploys with: its environment's values, or the template's defaults.
// `azd env set DEPLOY_CACHE_SKU Balanced_B1` changes one; docs/deploy.md has them all.

using 'main.bicep'

param environmentName = readEnvironmentVariable('AZURE_ENV_NAME')
param location = readEnvironmentVariable('AZURE_LOCATION')

param nodeVersion = readEnvironmentVariable('DEPLOY_NODE_VERSION', '24')
param instanceMemoryMB = json(readEnvironmentVariable('DEPLOY_INSTANCE_MEMORY_MB', '2048'))
param maximumInstanceCount = int(readEnvironmentVariable('DEPLOY_MAXIMUM_INSTANCES', '100'))
param alwaysReadyHttpInstances = int(readEnvironmentVariable('DEPLOY_ALWAYS_READY', '0'))
param network = readEnvironmentVariable('DEPLOY_NETWORK', 'public')
param publicLogQueries = bool(readEnvironmentVariable(
  'DEPLOY_PUBLIC_LOG_QUERIES',
  readEnvironmentVariable('DEPLOY_NETWORK', 'public') == 'public' ? 'true' : 'false'
))

param cache = readEnvironmentVariable('DEPLOY_CACHE', 'new')
param cacheSku = readEnvironmentVariable('DEPLOY_CACHE_SKU', 'Balanced_B0')
param cacheHighAvailability = bool(readEnvironmentVariable('DEPLOY_CACHE_HIGH_AVAILABILITY', 'true'))
param cacheClusteringPolicy = readEnvironmentVariable('DEPLOY_CACHE_CLUSTERING_POLICY', 'EnterpriseCluster')
param existingCacheName = readEnvironmentVariable('DEPLOY_EXISTING_CACHE_NAME', '')
param existingCacheResourceGroup = readEnvironmentVariable('DEPLOY_EXISTING_CACHE_RESOURCE_GROUP', '')
param classicAccessPolicyName = readEnvironmentVariable('DEPLOY_CLASSIC_ACCESS_POLICY', 'Data Contributor')

param origin = readEnvironmentVariable('DEPLOY_ORIGIN', 'blob')
param originUrlTemplate = readEnvironmentVariable('DEPLOY_ORIGIN_URL_TEMPLATE', '')
param appSettings = json(readEnvironmentVariable('DEPLOY_APP_SETTINGS', '{}'))

param developerPrincipalId = readEnvironmentVariable('DEPLOY_DEVELOPER_PRINCIPAL_ID', '')
param alertEmail = readEnvironmentVariable('DEPLOY_ALERT_EMAIL', '')
param logRetentionDays = int(readEnvironmentVariable('DEPLOY_LOG_RETENTION_DAYS', '30'))
