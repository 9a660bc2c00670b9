// Whom the alerts tell.

@description('Name of the action group.')
param name string

@description('Tags of every resource.')
param tags { *: string }

@description('Where alerts are mailed to.')
param email string

resource mail 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: name
  location: 'global'
  tags: tags
  properties: {
    groupShortName: 'cache'
    enabled: true
    emailReceivers: [{ name: 'mail', emailAddress: email, useCommonAlertSchema: true }]
  }
}

@description('Resource id.')
output id string = mail.id
