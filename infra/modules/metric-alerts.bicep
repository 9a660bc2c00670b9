// Alerts on what Redis measures of itself.

@description('Token that ends the names.')
param nameToken string

@description('Tags of every resource.')
param tags { *: string }

@description('Resource id of the cache.')
param cacheId string

@description('Resource type of the cache.')
param cacheType string

@description('How many connections it takes.')
param mostConnections int

@description('Action group to tell; empty for none: alerts are then seen in the portal only.')
param actionGroupId string

// The names are the same for both types of cache:
// https://learn.microsoft.com/azure/azure-monitor/reference/supported-metrics/microsoft-cache-redisenterprise-metrics
// https://learn.microsoft.com/azure/azure-monitor/reference/supported-metrics/microsoft-cache-redis-metrics
var rules = [
  {
    name: 'cache-memory'
    metric: 'usedmemorypercentage'
    threshold: 90
    severity: 3
    description: 'More than 90 percent of the memory of the cache is used. It evicts entries that have a lifetime, so the hit ratio falls before anything fails; what cannot evict refuses writes (out-of-memory). Shorten lifetimes, take less into the warm set, or choose a larger DEPLOY_CACHE_SKU.'
  }
  {
    name: 'cache-load'
    metric: 'serverLoad'
    threshold: 80
    severity: 2
    description: 'Redis is busy for more than 80 percent of the time: answers become slow, then time out. Look for large values or a hot key in the workbook and in CACHE_MAX_VALUE_BYTES, give the instances more to do alone (longer lifetimes), or choose a larger DEPLOY_CACHE_SKU.'
  }
  {
    name: 'cache-connections'
    metric: 'connectedclients'
    threshold: mostConnections * 8 / 10
    severity: 2
    description: 'More than 80 percent of the connections that this SKU takes are open; beyond them new instances are refused. An instance holds a few, and one for each primary with OSSCluster: lower DEPLOY_MAXIMUM_INSTANCES, find out who else connects, or choose a larger DEPLOY_CACHE_SKU.'
  }
]

resource alerts 'Microsoft.Insights/metricAlerts@2018-03-01' = [
  for rule in rules: {
    name: 'alert-${rule.name}-${nameToken}'
    location: 'global'
    tags: tags
    properties: {
      description: rule.description
      severity: rule.severity
      enabled: true
      autoMitigate: true
      scopes: [cacheId]
      // Azure Managed Redis measures every 5 minutes.
      evaluationFrequency: 'PT5M'
      windowSize: 'PT15M'
      criteria: {
        'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
        allOf: [
          {
            criterionType: 'StaticThresholdCriterion'
            name: rule.name
            metricNamespace: cacheType
            metricName: rule.metric
            operator: 'GreaterThan'
            threshold: rule.threshold
            // A peak of one node for a moment is no trouble; an average of nodes hides one.
            timeAggregation: rule.metric == 'serverLoad' ? 'Average' : 'Maximum'
          }
        ]
      }
      actions: actionGroupId == '' ? [] : [{ actionGroupId: actionGroupId }]
    }
  }
]
