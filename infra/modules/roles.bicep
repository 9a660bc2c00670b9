// Every role assignment, each on the one resource it is needed for. Access to Redis is no Azure role: see redis*.bicep.

@description('Name of the app\'s identity.')
param identityName string

@description('Resource group of the identity.')
param identityResourceGroup string = resourceGroup().name

@description('Whether the account of the Functions host and the Application Insights component are in this resource group.')
param hasHost bool = true

// Scopes are worked out also for what is not assigned, so no name is ever empty.
@description('Name of the account of the Functions host and the deployed package.')
param hostStorageName string = 'none'

@description('Whether there is an account of the origin.')
param hasOriginStorage bool

@description('Name of the account of the origin.')
param originStorageName string = 'none'

@description('Name of the container of the origin.')
param originContainerName string

@description('Name of the Application Insights component.')
param componentName string = 'none'

@description('Object id of a person or service who may fill the origin; empty for nobody.')
param developerPrincipalId string = ''

@description('What the developer is; empty to let Azure look it up.')
param developerPrincipalType string = ''

// https://learn.microsoft.com/azure/role-based-access-control/built-in-roles
var roles = {
  storageBlobDataOwner: 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b'
  storageBlobDataReader: '2a2b9908-6ea1-4ae2-8e65-a410df84e7d1'
  storageBlobDataContributor: 'ba92f5b4-2d11-453d-a403-e96b0029c9fe'
  monitoringMetricsPublisher: '3913510d-42f4-4e42-8a64-420c390055eb'
}

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = {
  name: identityName
  scope: resourceGroup(identityResourceGroup)
}

resource hostStorage 'Microsoft.Storage/storageAccounts@2024-01-01' existing = {
  name: hostStorageName
}

resource originStorage 'Microsoft.Storage/storageAccounts@2024-01-01' existing = {
  name: originStorageName

  resource blobs 'blobServices' existing = {
    name: 'default'

    resource container 'containers' existing = {
      name: originContainerName
    }
  }
}

resource component 'Microsoft.Insights/components@2020-02-02' existing = {
  name: componentName
}

// The host makes containers of its own for locks, keys and timers: "Owner" is what its documentation asks for
// (https://learn.microsoft.com/azure/azure-functions/functions-reference#connecting-to-host-storage-with-an-identity).
resource hostOwnsItsStorage 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (hasHost) {
  name: guid(hostStorage.id, identity.id, roles.storageBlobDataOwner)
  scope: hostStorage
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.storageBlobDataOwner)
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
  }
}

resource appReadsOrigin 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (hasOriginStorage) {
  name: guid(originStorage::blobs::container.id, identity.id, roles.storageBlobDataReader)
  scope: originStorage::blobs::container
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.storageBlobDataReader)
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
  }
}

resource appSendsTelemetry 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (hasHost) {
  name: guid(component.id, identity.id, roles.monitoringMetricsPublisher)
  scope: component
  properties: {
    roleDefinitionId: subscriptionResourceId(
      'Microsoft.Authorization/roleDefinitions',
      roles.monitoringMetricsPublisher
    )
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
  }
}

resource developerFillsOrigin 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (hasOriginStorage && developerPrincipalId != '') {
  name: guid(originStorage::blobs::container.id, developerPrincipalId, roles.storageBlobDataContributor)
  scope: originStorage::blobs::container
  properties: {
    roleDefinitionId: subscriptionResourceId(
      'Microsoft.Authorization/roleDefinitions',
      roles.storageBlobDataContributor
    )
    principalId: developerPrincipalId
    // Without a type Azure looks it up, which fails for a minute after somebody was created.
    principalType: developerPrincipalType == '' ? null : developerPrincipalType
  }
}
