// The names of attributes: those of the semantic conventions, which a test compares with the published list, and those
// of this project, which all begin with `cache.`.

/** https://opentelemetry.io/docs/specs/semconv/registry/attributes/ */
export const conventional = {
  errorType: 'error.type',
  faasInvocationId: 'faas.invocation.id',
  faasName: 'faas.name',
  faasTrigger: 'faas.trigger',
  httpMethod: 'http.request.method',
  httpRoute: 'http.route',
  httpStatus: 'http.response.status_code',
  serverAddress: 'server.address',
  serverPort: 'server.port',
  dbSystem: 'db.system.name',
  dbNamespace: 'db.namespace',
  dbOperation: 'db.operation.name',
  dbBatchSize: 'db.operation.batch.size',
  dbStatus: 'db.response.status_code',
  messagingSystem: 'messaging.system.name',
  messagingOperation: 'messaging.operation.name',
  messagingOperationType: 'messaging.operation.type',
  messagingDestination: 'messaging.destination.name',
} as const;

export const own = {
  /** How many keys a read is about. */
  keys: 'cache.keys',
  /** How a read ended. */
  result: 'cache.result',
  /** Of a read of many: with a result after it, how many keys ended so. */
  results: 'cache.results',
  /** The namespace of the client whose measures these are. */
  namespace: 'cache.namespace',
  /** What a write was: `write`, `remove` or `purge`. */
  change: 'cache.change',
  outcome: 'cache.outcome',
  loadSource: 'cache.load.source',
  loadReason: 'cache.load.reason',
  loadSize: 'cache.load.size',
  expected: 'cache.roll_call.expected',
  answered: 'cache.roll_call.answered',
  silent: 'cache.roll_call.silent',
  warmed: 'cache.warmup.entries',
  warmupsFailed: 'cache.warmup.failures',
  /** Of the entry, only where the setting for it says so. */
  key: 'cache.key',
} as const;

/** `memoryHit` -> `memory_hit`: as the conventions write the values of an enumeration. */
export function snakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/gu, (letter) => `_${letter.toLowerCase()}`);
}
