// The private link scope through which the private variant sends telemetry and queries logs.

@description('Name of the scope.')
param name string

@description('Tags of every resource.')
param tags { *: string }

@description('Name of the Log Analytics workspace.')
param workspaceName string

@description('Name of the Application Insights component.')
param componentName string

@description('Whether others use the network too.')
param isNetworkShared bool

// Azure Monitor's DNS zones are shared by all its resources: "PrivateOnly" keeps a network from sending anywhere else,
// which is not ours to decide in one that others use.
var accessMode = isNetworkShared ? 'Open' : 'PrivateOnly'

resource workspace 'Microsoft.OperationalInsights/workspaces@2025-02-01' existing = {
  name: workspaceName
}

resource component 'Microsoft.Insights/components@2020-02-02' existing = {
  name: componentName
}

resource scope 'Microsoft.Insights/privateLinkScopes@2021-09-01' = {
  name: name
  location: 'global'
  tags: tags
  properties: {
    accessModeSettings: {
      ingestionAccessMode: accessMode
      queryAccessMode: accessMode
    }
  }

  resource workspaceLink 'scopedResources' = {
    name: workspace.name
    properties: { linkedResourceId: workspace.id }
  }

  resource componentLink 'scopedResources' = {
    name: component.name
    properties: { linkedResourceId: component.id }
    // A scope takes one change at a time: "Cannot modify resource while in provisioning state", says
    // https://github.com/hashicorp/terraform-provider-azurerm/issues/22236
    dependsOn: [workspaceLink]
  }
}
