// A private endpoint for one resource, found under the resource's own name through the DNS zones.

@description('Name of the endpoint.')
param name string

@description('Region.')
param location string

@description('Tags of every resource.')
param tags { *: string }

@description('Subnet of the endpoint.')
param subnetId string

@description('Resource that it stands for.')
param targetId string

@description('Which service of the resource, for example blob.')
param groupId string

@description('DNS zones that get its addresses; none where somebody else writes the records.')
param zoneNames string[]

@description('Subscription of the DNS zones.')
param zoneSubscriptionId string

@description('Resource group of the DNS zones.')
param zoneResourceGroup string

resource endpoint 'Microsoft.Network/privateEndpoints@2024-05-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    subnet: { id: subnetId }
    privateLinkServiceConnections: [
      {
        name: name
        properties: {
          privateLinkServiceId: targetId
          groupIds: [groupId]
        }
      }
    ]
  }

  resource group 'privateDnsZoneGroups' = if (!empty(zoneNames)) {
    name: 'default'
    properties: {
      privateDnsZoneConfigs: [
        for zoneName in zoneNames: {
          name: replace(zoneName, '.', '-')
          properties: {
            privateDnsZoneId: resourceId(
              zoneSubscriptionId,
              zoneResourceGroup,
              'Microsoft.Network/privateDnsZones',
              zoneName
            )
          }
        }
      ]
    }
  }
}
