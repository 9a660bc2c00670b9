// Alerts on what the app says of itself, and whom they tell. Each query is a file, so that it can be tried by hand.

@description('Token that ends the names.')
param nameToken string

@description('Region.')
param location string

@description('Tags of every resource.')
param tags { *: string }

@description('Resource id of the Application Insights component.')
param componentId string

@description('Where alerts are mailed to; empty for nowhere: they are then seen in the portal only.')
param email string

var rules = [
  {
    name: 'no-roll-call'
    title: 'No roll call for 10 minutes'
    description: 'The reauthenticate timer has not called the roll. Instances renew their tokens by themselves; nobody sees whether they succeed.'
    severity: 2
    windowSize: 'PT10M'
    query: loadTextContent('../queries/no-roll-call.kql')
  }
  {
    name: 'silent-instances'
    title: 'Instances do not answer roll calls'
    description: 'In three roll calls or more of the last 10 minutes an instance that had answered before was silent. One silent instance in one roll call is what scaling in looks like.'
    severity: 3
    windowSize: 'PT10M'
    query: loadTextContent('../queries/silent-instances.kql')
  }
  {
    name: 'renewals-failing'
    title: 'Token renewals fail'
    description: 'An instance could not renew its token five times in a row, holds an expired one, or Redis refused a re-authentication. Reads fail when the token has expired.'
    severity: 1
    windowSize: 'PT15M'
    query: loadTextContent('../queries/renewals-failing.kql')
  }
  {
    name: 'server-errors'
    title: 'More than 5 % of requests end in 5xx'
    description: 'Of at least 20 requests in 10 minutes, more than 5 % were answered with a status of 500 or more.'
    severity: 1
    windowSize: 'PT10M'
    query: loadTextContent('../queries/server-errors.kql')
  }
]

resource mail 'Microsoft.Insights/actionGroups@2023-01-01' = if (email != '') {
  name: 'ag-${nameToken}'
  location: 'global'
  tags: tags
  properties: {
    groupShortName: 'cache'
    enabled: true
    emailReceivers: [{ name: 'mail', emailAddress: email, useCommonAlertSchema: true }]
  }
}

// Every query returns one row for each thing that is wrong, and none when all is well.
resource alerts 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [
  for rule in rules: {
    name: 'alert-${rule.name}-${nameToken}'
    location: location
    tags: tags
    properties: {
      displayName: rule.title
      description: rule.description
      severity: rule.severity
      enabled: true
      autoMitigate: true
      scopes: [componentId]
      evaluationFrequency: 'PT5M'
      windowSize: rule.windowSize
      // Tables that nothing was written to yet do not exist: the deployment would fail for them.
      skipQueryValidation: true
      criteria: {
        allOf: [
          {
            query: rule.query
            timeAggregation: 'Count'
            operator: 'GreaterThan'
            threshold: 0
          }
        ]
      }
      actions: { actionGroups: email == '' ? [] : [mail.id] }
    }
  }
]
