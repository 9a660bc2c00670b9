// The private DNS zones in which private endpoints are found under the resources' own names.

@description('Zones to make, for example privatelink.redis.azure.net.')
param zoneNames string[]

@description('Name of the links to the network.')
param linkName string

@description('Virtual network that asks them.')
param networkId string

@description('Tags of every resource.')
param tags { *: string }

resource zones 'Microsoft.Network/privateDnsZones@2024-06-01' = [
  for zoneName in zoneNames: {
    name: zoneName
    location: 'global'
    tags: tags
  }
]

resource links 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = [
  for (zoneName, index) in zoneNames: {
    parent: zones[index]
    name: linkName
    location: 'global'
    tags: tags
    properties: {
      registrationEnabled: false
      virtualNetwork: { id: networkId }
    }
  }
]
