// A new Azure Managed Redis: TLS only, no access keys, and an access policy for the principals named.

@description('Name of the cache.')
param name string

@description('Region.')
param location string

@description('Tags of every resource.')
param tags { *: string }

@description('SKU, for example Balanced_B0.')
param sku string

@description('Whether there is a replica; without, a failure or an update loses the data.')
param highAvailability bool

@description('How clients see the shards. Only NoCluster can be changed later.')
@allowed(['EnterpriseCluster', 'NoCluster', 'OSSCluster'])
param clusteringPolicy string

@description('Whether the Internet reaches the cache; without, only private endpoints do.')
param publicAccess bool

@description('Object id of the app\'s identity, which may read and write.')
param appPrincipalId string

@description('Object id of a person or service who may read and write too; empty for nobody.')
param developerPrincipalId string

@description('Token that ends the names of the assignments: several apps may use one cache.')
param nameToken string

resource cache 'Microsoft.Cache/redisEnterprise@2025-07-01' = {
  name: name
  location: location
  tags: tags
  sku: { name: sku }
  properties: {
    highAvailability: highAvailability ? 'Enabled' : 'Disabled'
    minimumTlsVersion: '1.2'
    publicNetworkAccess: publicAccess ? 'Enabled' : 'Disabled'
  }

  resource database 'databases' = {
    name: 'default'
    properties: {
      accessKeysAuthentication: 'Disabled'
      clientProtocol: 'Encrypted'
      clusteringPolicy: clusteringPolicy
      // Every entry and every bookkeeping key of the app has a lifetime, so there is always something to evict.
      evictionPolicy: 'VolatileLRU'
      port: 10000
    }

    resource appAccess 'accessPolicyAssignments' = {
      // Letters and digits only.
      name: 'app${nameToken}'
      properties: {
        accessPolicyName: 'default'
        user: { objectId: appPrincipalId }
      }
    }

    resource developerAccess 'accessPolicyAssignments' = if (developerPrincipalId != '') {
      // A user can have one assignment on a database: another app's for the same developer is this one.
      name: 'developer${uniqueString(developerPrincipalId)}'
      properties: {
        accessPolicyName: 'default'
        user: { objectId: developerPrincipalId }
      }
      // The cache refuses a second change while it makes the first.
      dependsOn: [appAccess]
    }
  }
}

@description('Resource id.')
output id string = cache.id

@description('REDIS_HOSTNAME.')
output hostName string = cache.properties.hostName
