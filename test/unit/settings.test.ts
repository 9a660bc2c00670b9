import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readSettings } from '../../src/settings.ts';

const least = { REDIS_HOSTNAME: 'cache.westeurope.redis.azure.net' };

function faultsOf(environment: Record<string, string>): string {
  try {
    readSettings(environment);
  } catch (error) {
    expect(error).toMatchObject({ code: 'settings-invalid' });
    return (error as Error).message;
  }
  return '';
}

describe('settings', () => {
  it('need nothing but the host name of the cache', () => {
    expect(readSettings(least)).toEqual({
      redis: {
        hostname: 'cache.westeurope.redis.azure.net',
        port: 10_000,
        clusteringPolicy: 'EnterpriseCluster',
        tls: true,
        username: undefined,
      },
      entraScope: 'https://redis.azure.com/.default',
      credential: { kind: 'managed-identity', clientId: undefined },
      namespace: 'ref',
      cache: {
        keyPrefix: '',
        writes: 'enabled',
        defaultTtlSeconds: 300,
        staleSeconds: 60,
        maxValueBytes: 1_048_576,
      },
      requestBudgetMs: 2000,
      origin: { kind: 'none' },
      warmup: { schedule: '0 */5 * * * *', keys: [], prefix: '' },
      reauthenticate: { schedule: '0 * * * * *' },
    });
  });

  it('are frozen to the last part', () => {
    const settings = readSettings(least);
    expect(
      Object.isFrozen(settings) && Object.isFrozen(settings.cache) && Object.isFrozen(settings.warmup.keys),
    ).toBe(true);
  });

  it('report every fault at once, by name, with what was expected', () => {
    const message = faultsOf({
      REDIS_PORT: '70000',
      REDIS_CLUSTERING_POLICY: 'osscluster',
      REDIS_TLS: 'yes',
      REDIS_CREDENTIAL: 'password',
      APP_NAMESPACE: 'a b',
      CACHE_WRITES: 'no',
      CACHE_DEFAULT_TTL_SECONDS: '0',
      CACHE_STALE_SECONDS: '-1',
      CACHE_MAX_VALUE_BYTES: '1MiB',
      REQUEST_BUDGET_MS: '1e3',
      ORIGIN_BLOB_CONTAINER_URL: 'container',
      ORIGIN_URL_TEMPLATE: 'https://example.com/',
      WARMUP_SCHEDULE: '*/5 * * * *',
      REAUTHENTICATE_SCHEDULE: 'every minute',
    });
    const named = [...message.matchAll(/^ {2}(?<name>\w+): expected .+$/gmu)].map(
      (match) => match.groups?.['name'],
    );
    expect(new Set(named)).toEqual(
      new Set([
        'REDIS_HOSTNAME',
        'REDIS_PORT',
        'REDIS_CLUSTERING_POLICY',
        'REDIS_TLS',
        'REDIS_CREDENTIAL',
        'APP_NAMESPACE',
        'CACHE_WRITES',
        'CACHE_DEFAULT_TTL_SECONDS',
        'CACHE_STALE_SECONDS',
        'CACHE_MAX_VALUE_BYTES',
        'REQUEST_BUDGET_MS',
        'ORIGIN_BLOB_CONTAINER_URL',
        'ORIGIN_URL_TEMPLATE',
        'WARMUP_SCHEDULE',
        'REAUTHENTICATE_SCHEDULE',
      ]),
    );
  });

  it.each(['localhost', '127.0.0.1', '::1'])('allow plain TCP to %s', (hostname) => {
    expect(readSettings({ REDIS_HOSTNAME: hostname, REDIS_TLS: 'false' }).redis.tls).toBe(false);
  });

  it.each(['cache.example.com', '10.0.0.4', '127.evil.example'])('refuse plain TCP to %s', (hostname) => {
    expect(faultsOf({ REDIS_HOSTNAME: hostname, REDIS_TLS: 'false' })).toMatch(/REDIS_TLS: expected "true"/u);
  });

  it('name what a client secret needs, and never show the secret', () => {
    const message = faultsOf({
      REDIS_CREDENTIAL: 'client-secret',
      AZURE_CLIENT_SECRET: 'hunter2-hunter2',
      REDIS_PORT: 'x',
    });
    expect(message).toMatch(/REDIS_HOSTNAME[\s\S]*REDIS_PORT[\s\S]*AZURE_TENANT_ID[\s\S]*AZURE_CLIENT_ID/u);
    expect(message).not.toContain('hunter2');
  });

  it('show no value at all: a secret may stand in the wrong place', () => {
    const secret = 'AccountKey=c2VjcmV0';
    const everywhere = Object.fromEntries(Object.keys(sample()).map((name) => [name, secret]));
    expect(faultsOf(everywhere)).not.toContain(secret);
  });

  it('allow one origin at most', () => {
    const both = {
      ORIGIN_BLOB_CONTAINER_URL: 'https://a.example/c',
      ORIGIN_URL_TEMPLATE: 'https://b.example/{key}',
    };
    expect(faultsOf({ ...least, ...both })).toMatch(/one origin at most/u);
  });

  it('are all in local.settings.sample.json, which is valid as it is', () => {
    expect(() => readSettings(sample())).not.toThrow();
    const read = new Set<string>();
    const recording = new Proxy(sample(), {
      get: (target, name: string) => {
        read.add(name);
        return target[name];
      },
    });
    readSettings(recording);
    for (const name of read) expect(Object.keys(sample())).toContain(name);
  });
});

function sample(): Record<string, string> {
  const path = new URL('../../local.settings.sample.json', import.meta.url);
  return (JSON.parse(readFileSync(path, 'utf8')) as { Values: Record<string, string> }).Values;
}
