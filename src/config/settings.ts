// Environment -> frozen, typed settings, or one error that names every fault and no value.

import type { CredentialOptions } from '../auth/credential-options.ts';
import type { ClusteringPolicy, RedisEndpoint } from '../redis/create.ts';
import { maxTtlSeconds } from '../cache/freshness.ts';
import { mostMemoryAgeMs, mostMemoryMb } from '../cache/memory-limits.ts';
import { AppError } from '../util/errors.ts';
import { largestValueBytes } from '../http/request-body.ts';
import { isReserved } from '../cache/key.ts';
import type { QueryRule } from '../http/query.ts';
import { isHostName, isLoopback } from '../util/hostnames.ts';
import { isSchedule } from '../util/schedule.ts';
import { readCallers, type CallerSettings } from './caller-settings.ts';
import { readOrigins, readWarmSet, type OriginSettings, type WarmSetSettings } from './origin-settings.ts';
import { SettingsReader, type Environment } from './settings-reader.ts';
import { readTelemetry, type TelemetrySettings } from './telemetry-settings.ts';

// Not imported from redis/: the first token request leaves before node-redis is loaded.
const clusteringPolicies: readonly ClusteringPolicy[] = ['EnterpriseCluster', 'NoCluster', 'OSSCluster'];
const credentialKinds = ['managed-identity', 'client-secret', 'client-certificate', 'developer'] as const;

export interface Settings extends OriginSettings {
  readonly redis: RedisEndpoint;
  readonly entraScope: string;
  readonly credential: CredentialOptions;
  readonly namespace: string;
  readonly cache: {
    readonly keyPrefix: string;
    readonly writes: 'enabled' | 'disabled';
    readonly defaultTtlSeconds: number;
    readonly staleSeconds: number;
    readonly maxValueBytes: number;
    /** MiB that an instance keeps in memory; 0: nothing. */
    readonly memoryMb: number;
    /** How old what is kept may be where Redis does not say which keys change; 0: then nothing is kept. */
    readonly memoryMaxAgeMs: number;
    /** Whether text and its like is stored compressed. */
    readonly compression: 'auto' | 'off';
    /** What an unknown query parameter of a read means. */
    readonly query: QueryRule;
  };
  readonly requestBudgetMs: number;
  readonly callers: CallerSettings;
  readonly warmup: WarmSetSettings & { readonly schedule: string };
  readonly reauthenticate: { readonly schedule: string };
  readonly telemetry: TelemetrySettings;
}

/**
 * Reads all settings.
 * @throws AppError `settings-invalid` that names every missing or wrong setting with what was expected.
 */
export function readSettings(environment: Environment): Settings {
  const reader = new SettingsReader(environment);

  const hostname = reader.required('REDIS_HOSTNAME', hostNameExpectation, isHostName) ?? '';
  const tls = reader.choice('REDIS_TLS', ['true', 'false'], 'true') === 'true';
  if (!tls && hostname !== '' && !isLoopback(hostname)) {
    reader.add('REDIS_TLS', '"true", because "false" is accepted for loopback hosts only');
  }

  const namespace = reader.text('APP_NAMESPACE', 'ref', '1 to 32 letters, digits, "-" or "_"', (value) =>
    /^[\w-]{1,32}$/u.test(value),
  );
  const keyPrefix = reader.text(
    'CACHE_KEY_PREFIX',
    '',
    'a prefix without control characters that does not begin with APP_NAMESPACE and ":": such keys are reserved for the app',
    (value) => !isReserved(value, namespace) && !/\p{Cc}/u.test(value),
  );

  const origins = readOrigins(reader);
  // Includes those that only the SDK reads.
  reader.checkReferences('AZURE_');
  reader.checkReferences('HTTP_ENTRA_');
  const settings: Settings = {
    redis: {
      hostname,
      port: reader.integer('REDIS_PORT', 10_000, 1, 65_535),
      clusteringPolicy: reader.choice('REDIS_CLUSTERING_POLICY', clusteringPolicies, 'EnterpriseCluster'),
      tls,
      username: reader.optional('REDIS_USERNAME'),
    },
    entraScope: reader.text('REDIS_ENTRA_SCOPE', 'https://redis.azure.com/.default', 'one scope', isOneWord),
    credential: readCredential(reader),
    namespace,
    cache: {
      keyPrefix,
      writes: reader.choice('CACHE_WRITES', ['enabled', 'disabled'], 'enabled'),
      defaultTtlSeconds: reader.integer('CACHE_DEFAULT_TTL_SECONDS', 300, 1, maxTtlSeconds),
      staleSeconds: reader.integer('CACHE_STALE_SECONDS', 60, 0, maxTtlSeconds),
      maxValueBytes: reader.integer('CACHE_MAX_VALUE_BYTES', 1_048_576, 1, largestValueBytes),
      compression: reader.choice('CACHE_COMPRESSION', ['auto', 'off'], 'auto'),
      memoryMb: reader.integer('CACHE_MEMORY_MB', 32, 0, mostMemoryMb),
      memoryMaxAgeMs: reader.integer('CACHE_MEMORY_MAX_AGE_MS', 0, 0, mostMemoryAgeMs),
      query: reader.choice('CACHE_QUERY', ['reject', 'key'], 'reject'),
    },
    callers: readCallers(reader, () => authorityHostIn(reader)),
    requestBudgetMs: reader.integer('REQUEST_BUDGET_MS', 2000, 100, 230_000),
    ...origins,
    warmup: {
      schedule: reader.text('WARMUP_SCHEDULE', '0 */5 * * * *', scheduleExpectation, isSchedule),
      ...readWarmSet(reader, origins),
    },
    reauthenticate: {
      schedule: reader.text('REAUTHENTICATE_SCHEDULE', '0 * * * * *', scheduleExpectation, isSchedule),
    },
    telemetry: readTelemetry(reader),
  };

  if (reader.faults.length > 0) {
    throw new AppError(
      'settings-invalid',
      `${reader.faults.length} setting(s) missing or wrong:\n${reader.faults.map((m) => `  ${m}`).join('\n')}`,
    );
  }
  return deepFreeze(settings);
}

function readCredential(reader: SettingsReader): CredentialOptions {
  const kind = reader.choice('REDIS_CREDENTIAL', credentialKinds, 'managed-identity');
  if (kind === 'managed-identity') return { kind, clientId: reader.optional('AZURE_CLIENT_ID') };
  if (kind === 'developer') return { kind };
  const because = `because REDIS_CREDENTIAL is ${kind}`;
  const application = {
    tenantId: reader.required('AZURE_TENANT_ID', `the tenant's id or domain, ${because}`, isTenant) ?? '',
    clientId: reader.required('AZURE_CLIENT_ID', `the application's client id, ${because}`) ?? '',
    authorityHost: authorityHostIn(reader),
  };
  if (kind === 'client-secret') {
    const clientSecret = reader.required('AZURE_CLIENT_SECRET', `the client secret, ${because}`) ?? '';
    return { kind, ...application, clientSecret };
  }
  const certificatePath =
    reader.required('AZURE_CLIENT_CERTIFICATE_PATH', `the path of a PEM file, ${because}`) ?? '';
  const certificatePassword = reader.optional('AZURE_CLIENT_CERTIFICATE_PASSWORD');
  return { kind, ...application, certificatePath, certificatePassword };
}

function authorityHostIn(reader: SettingsReader): string | undefined {
  return reader.url('AZURE_AUTHORITY_HOST', 'an https:// URL', ['https:']);
}

const hostNameExpectation = 'the host name of the cache, without the port, which is REDIS_PORT';

// What @azure/identity accepts; it throws without naming the setting.
function isTenant(value: string): boolean {
  return /^[\dA-Za-z.-]+$/u.test(value);
}

function isOneWord(value: string): boolean {
  return /^\S+$/u.test(value);
}

const scheduleExpectation = 'an NCRONTAB expression of six fields, like "0 */5 * * * *"';

function deepFreeze<T extends object>(value: T): T {
  for (const part of Object.values(value)) {
    if (typeof part === 'object' && part !== null) deepFreeze(part as object);
  }
  return Object.freeze(value);
}
