// The function app on Flex Consumption. Its package, host storage, telemetry and Redis are all entered by one identity.

@description('Name of the plan.')
param planName string

@description('Name of the app: its host name is <name>.azurewebsites.net.')
param name string

@description('Region.')
param location string

@description('Tags of every resource.')
param tags { *: string }

@description('Node.js version of the runtime.')
param nodeVersion string

@description('Memory of an instance, in MB.')
param instanceMemoryMB int

@description('Most instances at a time of each function group.')
param maximumInstanceCount int

@description('Instances for HTTP that never stop.')
param alwaysReadyHttpInstances int

@description('Recreate, or RollingUpdate.')
param updateStrategy string

@description('Whether the instances are spread over zones. Each function group then has two that never stop.')
param zoneRedundant bool

@description('Name of the user-assigned identity.')
param identityName string

@description('Name of the account of the Functions host and the deployed package.')
param hostStorageName string

@description('Container of the deployed package.')
param deploymentContainerName string

@description('Name of the Application Insights component.')
param componentName string

@description('Subnet the app sends from; empty for none.')
param subnetId string

@description('Settings of the app by name, beyond those that follow from this module.')
param settings { *: string }

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = {
  name: identityName
}

resource hostStorage 'Microsoft.Storage/storageAccounts@2024-01-01' existing = {
  name: hostStorageName
}

resource component 'Microsoft.Insights/components@2020-02-02' existing = {
  name: componentName
}

// What follows from the identity and the host: https://learn.microsoft.com/azure/azure-functions/functions-app-settings
var fixedSettings = {
  AZURE_CLIENT_ID: identity.properties.clientId
  AzureWebJobsStorage__accountName: hostStorage.name
  AzureWebJobsStorage__credential: 'managedidentity'
  AzureWebJobsStorage__clientId: identity.properties.clientId
  APPLICATIONINSIGHTS_CONNECTION_STRING: component.properties.ConnectionString
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identity.properties.clientId};Authorization=AAD'
}

resource plan 'Microsoft.Web/serverfarms@2024-11-01' = {
  name: planName
  location: location
  tags: tags
  kind: 'functionapp'
  sku: { name: 'FC1', tier: 'FlexConsumption' }
  properties: { reserved: true, zoneRedundant: zoneRedundant }
}

resource app 'Microsoft.Web/sites@2024-11-01' = {
  name: name
  location: location
  // By this tag azd finds where to deploy the service of azure.yaml.
  tags: union(tags, { 'azd-service-name': 'app' })
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${identity.id}': {} }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    virtualNetworkSubnetId: subnetId == '' ? null : subnetId
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: '${hostStorage.properties.primaryEndpoints.blob}${deploymentContainerName}'
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identity.id
          }
        }
      }
      runtime: { name: 'node', version: nodeVersion }
      // From API version 2024-11-01 on; the types do not have it yet.
      // https://learn.microsoft.com/azure/azure-functions/flex-consumption-site-updates
      #disable-next-line BCP037
      siteUpdateStrategy: { type: updateStrategy }
      scaleAndConcurrency: {
        instanceMemoryMB: instanceMemoryMB
        maximumInstanceCount: maximumInstanceCount
        alwaysReady: alwaysReadyHttpInstances == 0 ? [] : [{ name: 'http', instanceCount: alwaysReadyHttpInstances }]
      }
    }
    siteConfig: {
      minTlsVersion: '1.2'
      appSettings: map(items(union(settings, fixedSettings)), setting => { name: setting.key, value: setting.value })
    }
  }

  // Deployments sign in with Entra; passwords of the publishing profile are off.
  resource ftpPasswords 'basicPublishingCredentialsPolicies' = {
    name: 'ftp'
    properties: { allow: false }
  }

  resource scmPasswords 'basicPublishingCredentialsPolicies' = {
    name: 'scm'
    properties: { allow: false }
  }
}

@description('Name.')
output name string = app.name

@description('URL.')
output url string = 'https://${app.properties.defaultHostName}'
