// An Azure Cache for Redis (Basic, Standard, Premium) that is there already, with Entra authentication on:
// only access for the principals is added.

import { mostConnectionsOf } from 'connection-limits.bicep'

@description('Name of the cache.')
param name string

@description('Access policy of the cache to assign. "Data Contributor" allows what the app does, and no administration.')
param accessPolicyName string

@description('Object id of the app\'s identity, which may read and write.')
param appPrincipalId string

@description('Object id of a person or service who may read and write too; empty for nobody.')
param developerPrincipalId string

@description('Token that ends the names of the assignments: several apps may use one cache.')
param nameToken string

resource cache 'Microsoft.Cache/redis@2024-11-01' existing = {
  name: name

  resource appAccess 'accessPolicyAssignments' = {
    name: 'app${nameToken}'
    properties: {
      accessPolicyName: accessPolicyName
      objectId: appPrincipalId
      // The alias is the user name of AUTH, and the app's is the object id.
      objectIdAlias: appPrincipalId
    }
  }

  resource developerAccess 'accessPolicyAssignments' = if (developerPrincipalId != '') {
    // A user can have one assignment on a cache: another app's for the same developer is this one.
    name: 'developer${uniqueString(developerPrincipalId)}'
    properties: {
      accessPolicyName: accessPolicyName
      objectId: developerPrincipalId
      objectIdAlias: developerPrincipalId
    }
    // The cache refuses a second change while it makes the first.
    dependsOn: [appAccess]
  }
}

@description('Resource id.')
output id string = cache.id

@description('REDIS_HOSTNAME.')
output hostName string = cache.properties.hostName

@description('REDIS_PORT.')
output port int = cache.properties.sslPort

@description('REDIS_CLUSTERING_POLICY: a Premium cache with several shards speaks the cluster protocol.')
output clusteringPolicy string = (cache.properties.?shardCount ?? 0) > 0 ? 'OSSCluster' : 'NoCluster'

@description('How many connections it takes.')
output mostConnections int = mostConnectionsOf('${cache.properties.sku.family}${cache.properties.sku.capacity}')
