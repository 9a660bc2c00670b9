// Logs of the platform, by diagnostic settings: who connects to the cache, who asks the storage for what.

@description('Name of the Log Analytics workspace.')
param workspaceName string

@description('Name of the account of the Functions host.')
param hostStorageName string

@description('Whether there is an account of the origin.')
param hasOriginStorage bool

@description('Name of the account of the origin.')
param originStorageName string

@description('Whether the cache is made here.')
param hasCache bool

@description('Name of the cache.')
param cacheName string

resource workspace 'Microsoft.OperationalInsights/workspaces@2025-02-01' existing = {
  name: workspaceName
}

resource hostBlobs 'Microsoft.Storage/storageAccounts/blobServices@2024-01-01' existing = {
  name: '${hostStorageName}/default'
}

resource originBlobs 'Microsoft.Storage/storageAccounts/blobServices@2024-01-01' existing = {
  name: '${originStorageName}/default'
}

resource database 'Microsoft.Cache/redisEnterprise/databases@2025-07-01' existing = {
  name: '${cacheName}/default'
}

// https://learn.microsoft.com/azure/redis/monitor-diagnostic-settings: each connection and each failed AUTH.
resource cacheConnections 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = if (hasCache) {
  name: 'connections'
  scope: database
  properties: {
    workspaceId: workspace.id
    logs: [{ category: 'ConnectionEvents', enabled: true }]
  }
}

// The host renews locks all the time, and each is a write: of its account only what is deleted is logged.
resource hostRequests 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'requests'
  scope: hostBlobs
  properties: {
    workspaceId: workspace.id
    logs: [{ category: 'StorageDelete', enabled: true }]
  }
}

resource originRequests 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = if (hasOriginStorage) {
  name: 'requests'
  scope: originBlobs
  properties: {
    workspaceId: workspace.id
    logs: map(['StorageRead', 'StorageWrite', 'StorageDelete'], category => { category: category, enabled: true })
  }
}
