// Alerts on what the app says of itself, and whom they tell. Each query is a file, so that it can be tried by hand.

@description('Token that ends the names.')
param nameToken string

@description('Region.')
param location string

@description('Tags of every resource.')
param tags { *: string }

@description('Resource id of the Application Insights component.')
param componentId string

@description('Action group to tell; empty for none: alerts are then seen in the portal only.')
param actionGroupId string

// Where a query has to know what was before the window, it looks further back: two days is the most that a rule may.
// https://learn.microsoft.com/azure/azure-monitor/alerts/alerts-create-log-alert-rule
var rules = [
  {
    name: 'cache-unreachable'
    title: 'Redis cannot be reached'
    description: 'Instances cannot connect to Redis, are refused by it, or found REDIS_CLUSTERING_POLICY wrong; without an origin every read is 503. The alert has the code and the reason: docs/deploy.md, "When ready says 503", has what to do for each. Check the access policy assignment of the identity, the network and the state of the cache first.'
    severity: 1
    windowSize: 'PT10M'
    lookBack: 'PT1H'
    query: loadTextContent('../queries/cache-unreachable.kql')
  }
  {
    name: 'commands-refused'
    title: 'Redis refuses commands'
    description: 'Redis is reached but refuses what is asked of it: writes for want of memory (out-of-memory), a command the access policy lacks, a node that only reads. The alert has the cause and the commands. For want of memory, shorten lifetimes or choose a larger DEPLOY_CACHE_SKU.'
    severity: 2
    windowSize: 'PT15M'
    lookBack: 'P1D'
    query: loadTextContent('../queries/commands-refused.kql')
  }
  {
    name: 'origin-failing'
    title: 'The origin fails'
    description: 'An instance that serves requests has got no answer from the origin for 5 minutes: misses are 502, stale entries are served until CACHE_STALE_SECONDS ends. The reason in the alert names the role, the setting or the status code; else look at the health of the origin itself.'
    severity: 2
    windowSize: 'PT15M'
    lookBack: 'P1D'
    query: loadTextContent('../queries/origin-failing.kql')
  }
  {
    name: 'no-roll-call'
    title: 'No roll call for 10 minutes'
    description: 'The app has been running, and its timer "reauthenticate" has called no roll for 10 minutes, though Redis could be asked. Instances renew their tokens by themselves; nobody sees whether they succeed. See whether the timer is disabled (az functionapp function list) or the app stopped; a restart (az functionapp restart) starts timers again.'
    severity: 2
    windowSize: 'PT10M'
    lookBack: 'P2D'
    query: loadTextContent('../queries/no-roll-call.kql')
  }
  {
    name: 'silent-instances'
    title: 'Instances do not answer roll calls'
    description: 'In three roll calls or more of the last 10 minutes an instance that had answered before was silent. One silent instance in one roll call is what scaling in looks like. Look for the connectionLost and connectionFailed of these instances in the workbook; an instance that hangs is replaced by a restart of the app.'
    severity: 3
    windowSize: 'PT10M'
    lookBack: 'PT10M'
    query: loadTextContent('../queries/silent-instances.kql')
  }
  {
    name: 'renewals-failing'
    title: 'Token renewals fail'
    description: 'An instance could not renew its token five times in a row, holds an expired one, or Redis refused a re-authentication. Reads fail when the token has expired. Check that the identity is assigned to the app, that AZURE_CLIENT_ID names it, and that the access policy assignment is there; then the state of Azure itself.'
    severity: 1
    windowSize: 'PT15M'
    lookBack: 'PT15M'
    query: loadTextContent('../queries/renewals-failing.kql')
  }
  {
    name: 'server-errors'
    title: 'More than 5 in 100 requests end in 5xx'
    description: 'Of at least 20 requests in 10 minutes, more than 5 in 100 were answered with a status of 500 or more. 503 is Redis, 502 the origin (see their alerts), 500 a fault of the app: the exceptions of these requests are in Application Insights, under Failures.'
    severity: 1
    windowSize: 'PT10M'
    lookBack: 'PT10M'
    query: loadTextContent('../queries/server-errors.kql')
  }
]

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
      overrideQueryTimeRange: rule.lookBack == rule.windowSize ? null : rule.lookBack
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
      actions: { actionGroups: actionGroupId == '' ? [] : [actionGroupId] }
    }
  }
]
