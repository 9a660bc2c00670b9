// One storage account with its containers: entered by Entra tokens only, over TLS.

@description('Name of the account.')
param name string

@description('Region.')
param location string

@description('Tags of every resource.')
param tags { *: string }

@description('Containers to make.')
param containers string[]

@description('Whether the Internet reaches the account; without, only private endpoints do.')
param publicAccess bool

@description('Whether three zones each have a copy.')
param zoneRedundant bool

@description('How long deleted and overwritten blobs, and deleted containers, can be had back, in days; 0 for not at all.')
param softDeleteDays int

var retention = softDeleteDays == 0 ? { enabled: false } : { enabled: true, days: softDeleteDays }

resource account 'Microsoft.Storage/storageAccounts@2024-01-01' = {
  name: name
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: { name: zoneRedundant ? 'Standard_ZRS' : 'Standard_LRS' }
  properties: {
    allowSharedKeyAccess: false
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    publicNetworkAccess: publicAccess ? 'Enabled' : 'Disabled'
    networkAcls: {
      bypass: 'None'
      defaultAction: publicAccess ? 'Allow' : 'Deny'
    }
  }

  resource blobs 'blobServices' = {
    name: 'default'
    properties: {
      deleteRetentionPolicy: retention
      containerDeleteRetentionPolicy: retention
    }

    resource container 'containers' = [
      for container in containers: {
        name: container
        properties: { publicAccess: 'None' }
      }
    ]
  }
}

@description('Resource id.')
output id string = account.id

@description('URL of the blob service, with a slash at its end.')
output blobEndpoint string = account.properties.primaryEndpoints.blob
