// The app's one identity: Redis, storage and telemetry know it, and no other secret exists.

@description('Name of the user-assigned managed identity.')
param name string

@description('Region.')
param location string

@description('Tags of every resource.')
param tags { *: string }

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: name
  location: location
  tags: tags
}

@description('Object id: the Redis user name, and the principal of every role assignment.')
output principalId string = identity.properties.principalId

@description('Client id: AZURE_CLIENT_ID.')
output clientId string = identity.properties.clientId

@description('Resource id.')
output id string = identity.id
