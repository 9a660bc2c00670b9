// An Azure Managed Redis that is there already: only access for the principals is added.

import { mostConnectionsOf } from 'connection-limits.bicep'

@description('Name of the cache.')
param name string

@description('Object id of the app\'s identity, which may read and write.')
param appPrincipalId string

@description('Object id of a person or service who may read and write too; empty for nobody.')
param developerPrincipalId string

@description('Token that ends the names of the assignments: several apps may use one cache.')
param nameToken string

resource cache 'Microsoft.Cache/redisEnterprise@2025-07-01' existing = {
  name: name

  resource database 'databases' existing = {
    name: 'default'

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

@description('REDIS_PORT.')
output port int = cache::database.properties.port

@description('REDIS_CLUSTERING_POLICY.')
output clusteringPolicy string = cache::database.properties.clusteringPolicy

@description('How many connections it takes.')
output mostConnections int = mostConnectionsOf(cache.sku.name)
