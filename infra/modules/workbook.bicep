// The workbook: what the fleet page shows, and over time the hit ratio, the latency and what went wrong.

@description('Region.')
param location string

@description('Tags of every resource.')
param tags { *: string }

@description('Name of the Application Insights component.')
param componentName string

@description('Resource id of the cache.')
param cacheId string

@description('Resource type of the cache, as its metrics are called: microsoft.cache/redisenterprise or microsoft.cache/redis.')
param cacheType string

@description('Whether the app sends spans and metrics, too.')
param hasOpenTelemetry bool

resource component 'Microsoft.Insights/components@2020-02-02' existing = {
  name: componentName
}

var hour = 3600000
var tables = [
  { title: 'Roll calls', visualization: 'table', query: loadTextContent('../queries/roll-calls.kql') }
  { title: 'Instances', visualization: 'table', query: loadTextContent('../queries/instances.kql') }
  { title: 'Hit ratio by tier', visualization: 'areachart', query: loadTextContent('../queries/hit-ratio.kql') }
  { title: 'Reads, by how they ended', visualization: 'timechart', query: loadTextContent('../queries/reads.kql') }
  { title: 'Time of a request, ms', visualization: 'timechart', query: loadTextContent('../queries/percentiles.kql') }
  {
    title: 'Time of requests, Redis, origin and lock, ms: 95 of 100'
    visualization: 'timechart'
    query: loadTextContent('../queries/waits.kql')
  }
  {
    title: 'Loads, renewals, writes and purges'
    visualization: 'timechart'
    query: loadTextContent('../queries/counts.kql')
  }
  { title: 'Memory of the instances', visualization: 'timechart', query: loadTextContent('../queries/memory.kql') }
  {
    title: 'Time to answer a read as the host sees it, ms'
    visualization: 'timechart'
    query: loadTextContent('../queries/latency.kql')
  }
  {
    title: 'Answers by function and status'
    visualization: 'timechart'
    query: loadTextContent('../queries/answers.kql')
  }
  {
    title: 'Tokens, connections, commands and origin in trouble'
    visualization: 'timechart'
    query: loadTextContent('../queries/troubles.kql')
  }
  { title: 'Commands that Redis refused', visualization: 'table', query: loadTextContent('../queries/refusals.kql') }
  { title: 'Warmups', visualization: 'table', query: loadTextContent('../queries/warmups.kql') }
]

// Of spans and metrics that the app itself sends.
var tracedTables = [
  {
    title: 'Instances, by their metrics'
    visualization: 'table'
    query: loadTextContent('../queries/opentelemetry/instances.kql')
  }
  {
    title: 'Loads, by metrics'
    visualization: 'timechart'
    query: loadTextContent('../queries/opentelemetry/loads.kql')
  }
  {
    title: 'What traced requests spend their time on, ms'
    visualization: 'table'
    query: loadTextContent('../queries/opentelemetry/spans.kql')
  }
  {
    title: 'The slowest traced requests'
    visualization: 'table'
    query: loadTextContent('../queries/opentelemetry/slowest.kql')
  }
]

var timeRange = {
  type: 9
  name: 'parameters'
  content: {
    version: 'KqlParameterItem/1.0'
    style: 'pills'
    parameters: [
      {
        id: '6e6cf2b3-6d0e-4c0f-8d3e-2f5f5a3c9a01'
        version: 'KqlParameterItem/1.0'
        name: 'time'
        label: 'Time range'
        type: 4
        isRequired: true
        value: { durationMs: 24 * hour }
        typeSettings: {
          selectableValues: [
            { durationMs: hour }
            { durationMs: 4 * hour }
            { durationMs: 24 * hour }
            { durationMs: 168 * hour }
            { durationMs: 720 * hour }
          ]
        }
      }
    ]
  }
}

var queryItems = map(concat(tables, hasOpenTelemetry ? tracedTables : []), table => {
  type: 3
  name: table.title
  content: {
    version: 'KqlItem/1.0'
    title: table.title
    query: table.query
    size: 0
    queryType: 0
    resourceType: 'microsoft.insights/components'
    crossComponentResources: [component.id]
    timeContextFromParameter: 'time'
    visualization: table.visualization
  }
})

// Redis counts the app's own bookkeeping and everybody else's reads as well.
// Aggregation 1 is the sum, 3 the maximum, 4 the average.
var charts = [
  {
    name: 'lookups'
    title: 'Key lookups that Redis itself counts'
    metrics: [{ name: 'cachehits', aggregation: 1 }, { name: 'cachemisses', aggregation: 1 }]
  }
  {
    name: 'pressure'
    title: 'Memory used and load of Redis, %'
    metrics: [{ name: 'usedmemorypercentage', aggregation: 3 }, { name: 'serverLoad', aggregation: 4 }]
  }
  {
    name: 'connections'
    title: 'Connections to Redis'
    metrics: [{ name: 'connectedclients', aggregation: 3 }]
  }
]

var metricItems = map(charts, chart => {
  type: 10
  name: 'redis-${chart.name}'
  content: {
    version: 'MetricsItem/2.0'
    chartId: 'redis-${chart.name}'
    title: chart.title
    size: 0
    chartType: 2
    resourceType: cacheType
    metricScope: 0
    resourceIds: [cacheId]
    timeContextFromParameter: 'time'
    timeContext: { durationMs: 0 }
    metrics: map(chart.metrics, metric => {
      namespace: cacheType
      metric: '${cacheType}--${metric.name}'
      aggregation: metric.aggregation
    })
  }
})

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(component.id, 'workbook')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: 'Cache and fleet'
    category: 'workbook'
    version: '1.0'
    sourceId: component.id
    serializedData: string({
      version: 'Notebook/1.0'
      items: concat([timeRange], queryItems, metricItems)
      fallbackResourceIds: [component.id]
    })
  }
}
