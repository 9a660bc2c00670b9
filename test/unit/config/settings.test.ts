import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readSettings } from '../../../src/config/settings.ts';

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
        compression: 'auto',
        memoryMb: 32,
        memoryMaxAgeMs: 0,
        query: 'reject',
      },
      callers: { kind: 'function-key' },
      requestBudgetMs: 2000,
      origin: { kind: 'none' },
      originRules: [],
      warmup: { schedule: '0 */5 * * * *', keys: [], prefix: '' },
      reauthenticate: { schedule: '0 * * * * *' },
      telemetry: undefined,
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
      CACHE_COMPRESSION: 'br',
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
        'CACHE_COMPRESSION',
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

  it.each(['name.region.redis.azure.net:10000', '127.0.0.1:6380', '[::1]:6380', 'https://name'])(
    'refuse more than a host name as one: %s',
    (hostname) => {
      expect(faultsOf({ REDIS_HOSTNAME: hostname })).toMatch(/REDIS_HOSTNAME: expected .+REDIS_PORT/u);
    },
  );

  it('refuse values that could be stored and never be written over HTTP', () => {
    expect(faultsOf({ ...least, CACHE_MAX_VALUE_BYTES: '104857600' })).toBe('');
    expect(faultsOf({ ...least, CACHE_MAX_VALUE_BYTES: '104857601' })).toMatch(
      /CACHE_MAX_VALUE_BYTES: expected a whole number from 1 to 104857600/u,
    );
  });

  it('refuse a prefix under which no key can be asked for', () => {
    const prefixed = (prefix: string, more = {}) => ({ ...least, CACHE_KEY_PREFIX: prefix, ...more });
    for (const prefix of ['ref:', 'ref:a/']) {
      expect(faultsOf(prefixed(prefix))).toMatch(/CACHE_KEY_PREFIX: expected .+APP_NAMESPACE/u);
    }
    expect(faultsOf(prefixed('mine:', { APP_NAMESPACE: 'mine' }))).toMatch(/CACHE_KEY_PREFIX/u);
    // Behind which another app of this project on the same cache has its bookkeeping.
    for (const prefix of ['other:\u001F', 'a\nb', 'a\u007Fb']) {
      expect(faultsOf(prefixed(prefix))).toMatch(/CACHE_KEY_PREFIX: expected .+control characters/u);
      expect(faultsOf({ ...least, APP_NAMESPACE: prefix })).toMatch(/APP_NAMESPACE/u);
    }
    for (const prefix of ['ref', 'r', 'REF:', 'a/ref:']) {
      expect(readSettings(prefixed(prefix)).cache.keyPrefix).toBe(prefix);
    }
    expect(readSettings(prefixed('ref:', { APP_NAMESPACE: 'mine' })).cache.keyPrefix).toBe('ref:');
  });

  it.each(['WARMUP_SCHEDULE', 'REAUTHENTICATE_SCHEDULE'])(
    'refuse a %s that the host would refuse',
    (name) => {
      for (const schedule of ['60 * * * * *', '0 0 25 * * *', '0 0 0 * 13 *', 'a b c d e f', '0 0 0 * * 7']) {
        expect(faultsOf({ ...least, [name]: schedule })).toMatch(
          new RegExp(`${name}: expected an NCRONTAB`, 'u'),
        );
      }
      expect(faultsOf({ ...least, [name]: '0 30 9 * Jan-Jun Mon-Fri' })).toBe('');
    },
  );

  it('name what a client secret needs, and never show the secret', () => {
    const message = faultsOf({
      REDIS_CREDENTIAL: 'client-secret',
      AZURE_CLIENT_SECRET: 'hunter2-hunter2',
      REDIS_PORT: 'x',
    });
    expect(message).toMatch(/REDIS_HOSTNAME[\s\S]*REDIS_PORT[\s\S]*AZURE_TENANT_ID[\s\S]*AZURE_CLIENT_ID/u);
    expect(message).not.toContain('hunter2');
  });

  it("refuse what the credential's library would throw at without a name", () => {
    const application = { ...least, REDIS_CREDENTIAL: 'client-secret', AZURE_CLIENT_ID: 'id' };
    const message = faultsOf({ ...application, AZURE_CLIENT_SECRET: 'x', AZURE_TENANT_ID: 'a b/c' });
    expect(message).toMatch(/AZURE_TENANT_ID: expected the tenant's id or domain/u);
  });

  it('show no value at all: a secret may stand in the wrong place', () => {
    const secret = 'AccountKey=c2VjcmV0';
    const everywhere = Object.fromEntries(Object.keys(sample()).map((name) => [name, secret]));
    expect(faultsOf(everywhere)).not.toContain(secret);
  });

  it('allow one origin at most', () => {
    const both = {
      ORIGIN_BLOB_CONTAINER_URL: 'https://a.example/container',
      ORIGIN_URL_TEMPLATE: 'https://b.example/{key}',
    };
    expect(faultsOf({ ...least, ...both })).toMatch(/one origin at most/u);
  });

  const container = (value: string) => ({ ...least, ORIGIN_BLOB_CONTAINER_URL: value });
  const template = (value: string) => ({ ...least, ORIGIN_URL_TEMPLATE: value });

  it.each([
    'https://account.blob.core.windows.net/container',
    'https://account.blob.core.windows.net/container/',
    'https://account.blob.core.usgovcloudapi.net/a-1',
    'https://account.privatelink.blob.core.windows.net/$web',
    'https://127.0.0.1:10000/account/container',
    'https://localhost:10000/account/container',
  ])('take %s for a container', (containerUrl) => {
    expect(readSettings(container(containerUrl)).origin).toMatchObject({ kind: 'blob', containerUrl });
  });

  it.each([
    ['plain HTTP', 'http://account.blob.core.windows.net/container'],
    ['a SAS', 'https://account.blob.core.windows.net/container?sv=2025&sig=c2VjcmV0'],
    ['an empty query', 'https://account.blob.core.windows.net/container?'],
    ['a fragment', 'https://account.blob.core.windows.net/container#x'],
    ['a user name', 'https://user@account.blob.core.windows.net/container'],
    ['a password', 'https://:c2VjcmV0@account.blob.core.windows.net/container'],
    ['no container', 'https://account.blob.core.windows.net/'],
    ['a blob', 'https://account.blob.core.windows.net/container/blob'],
    ['a folder', 'https://account.blob.core.windows.net/container/folder/'],
    ['an account alone', 'https://127.0.0.1:10000/container'],
    ['upper case', 'https://account.blob.core.windows.net/Container'],
    ['a name too short', 'https://account.blob.core.windows.net/ab'],
    ['a name too long', `https://account.blob.core.windows.net/${'c'.repeat(64)}`],
    ['hyphens in a row', 'https://account.blob.core.windows.net/con--tainer'],
    ['a key in it', 'https://account.blob.core.windows.net/{key}'],
    ['no URL', 'account/container'],
  ])('refuse a container URL with %s, and say what is wanted instead', (_what, value) => {
    const message = faultsOf(container(value));
    expect(message).toMatch(/ORIGIN_BLOB_CONTAINER_URL: expected the https:\/\/ URL of one blob container/u);
    expect(message).toContain('no SAS');
    expect(message).not.toContain('c2VjcmV0');
  });

  it.each([
    'https://origin.example/{key}',
    'http://origin.internal:8080/a/{key}.json?v=1',
    'https://origin.example/find?name={key}',
    'https://origin.example/{+key}',
  ])('take %s for a template', (urlTemplate) => {
    expect(readSettings(template(urlTemplate)).origin).toMatchObject({ kind: 'http', urlTemplate });
  });

  // What else is no template: test/property/url-template.test.ts.
  it.each([
    'https://origin.example/',
    'https://{key}.example/',
    'https://user:c2VjcmV0@origin.example/{key}',
    'https://origin.example/#{key}',
    'https://origin.example/{key}/{key}',
    'ftp://origin.example/{key}',
    'https://origin.example/{key}/{+key}',
    'https://origin.example/{++key}',
  ])('refuse %s as a template', (value) => {
    const message = faultsOf(template(value));
    expect(message).toMatch(/ORIGIN_URL_TEMPLATE: expected an http:\/\/ or https:\/\/ URL with \{key\}/u);
    expect(message).not.toContain('c2VjcmV0');
  });

  it('name a warm set that would be ignored', () => {
    const blob = container('https://account.blob.core.windows.net/container');
    const http = template('https://origin.example/{key}');
    const keys = { WARMUP_KEYS: 'a, b,,c ' };
    const prefix = { WARMUP_PREFIX: 'a/' };
    expect(readSettings({ ...http, ...keys }).warmup.keys).toEqual(['a', 'b', 'c']);
    expect(readSettings({ ...blob, ...keys }).warmup.keys).toEqual(['a', 'b', 'c']);
    expect(readSettings({ ...blob, ...prefix }).warmup.prefix).toBe('a/');
    expect(faultsOf({ ...least, ...keys })).toMatch(/WARMUP_KEYS: expected to be left out/u);
    expect(faultsOf({ ...least, ...prefix })).toMatch(/WARMUP_PREFIX: expected to be left out/u);
    expect(faultsOf({ ...http, ...prefix })).toMatch(/WARMUP_PREFIX: .+ WARMUP_KEYS/u);
    expect(faultsOf({ ...blob, ...keys, ...prefix })).toMatch(/WARMUP_PREFIX: .+ WARMUP_KEYS/u);
  });

  it('name origins, lifetimes and tags by prefix', () => {
    const rules = [
      { prefix: 'a/', origin: 'https://a.example/{+key}', ttlSeconds: 5, staleSeconds: 0, tags: ['a'] },
      { prefix: 'b/', origin: 'https://account.blob.core.windows.net/images' },
    ];
    const environment = { ...least, ORIGIN_RULES: JSON.stringify(rules), ORIGIN_KEEP_HEADERS: 'x-a' };
    expect(readSettings(environment)).toMatchObject({
      origin: { kind: 'none' },
      originRules: [
        { ...rules[0], origin: { kind: 'http', urlTemplate: rules[0]?.origin, keepHeaders: ['x-a'] } },
        { prefix: 'b/', origin: { kind: 'blob', containerUrl: rules[1]?.origin, keepHeaders: ['x-a'] } },
      ],
    });
  });

  it('name everything that is wrong with the rules, by its place, and no URL', () => {
    const rules = [
      { prefix: 'a', origin: 'https://user:c2VjcmV0@a.example/{key}' },
      { prefix: 'a', ttl: 1 },
    ];
    const message = faultsOf({ ...least, ORIGIN_RULES: JSON.stringify(rules) });
    expect(message).toMatch(/ORIGIN_RULES\[0\]\.origin: expected an http:/u);
    expect(message).toContain('ORIGIN_RULES[1]: expected no "ttl"');
    expect(message).toContain('ORIGIN_RULES[1].prefix: expected another prefix than [0] has');
    expect(message).not.toContain('c2VjcmV0');
    expect(faultsOf({ ...least, ORIGIN_RULES: '[{]' })).toContain('ORIGIN_RULES: expected JSON: an array');
    expect(faultsOf({ ...least, ORIGIN_RULES: '{}' })).toContain('ORIGIN_RULES: expected an array');
    const long = JSON.stringify([{ prefix: 'x'.repeat(40_000) }]);
    expect(faultsOf({ ...least, ORIGIN_RULES: long })).toContain('expected at most 32768 characters');
  });

  it('name a warm set that the rules have origins for', () => {
    const rule = (origin?: string) => ({ ORIGIN_RULES: JSON.stringify([{ prefix: 'a/', origin }]) });
    const http = { ...least, ...rule('https://a.example/{key}') };
    const blob = { ...least, ...rule('https://account.blob.core.windows.net/images') };
    expect(readSettings({ ...http, WARMUP_KEYS: 'a/1' }).warmup.keys).toEqual(['a/1']);
    expect(faultsOf({ ...http, WARMUP_KEYS: 'a/1,b/1,b/2' })).toMatch(
      /WARMUP_KEYS: expected keys that have an origin: ORIGIN_RULES names none for 2 of them/u,
    );
    expect(faultsOf({ ...least, ...rule(), WARMUP_KEYS: 'a/1' })).toMatch(/WARMUP_KEYS: .+ left out/u);
    expect(readSettings({ ...blob, WARMUP_PREFIX: 'a/b/' }).warmup.prefix).toBe('a/b/');
    expect(faultsOf({ ...blob, WARMUP_PREFIX: 'b/' })).toMatch(/WARMUP_PREFIX: expected to be left out/u);
    expect(faultsOf({ ...http, WARMUP_PREFIX: 'a/' })).toMatch(/WARMUP_PREFIX: .+ WARMUP_KEYS/u);
  });

  it('name keys with commas as a JSON array', () => {
    const http = template('https://origin.example/{key}');
    expect(readSettings({ ...http, WARMUP_KEYS: '["a,b", " c "]' }).warmup.keys).toEqual(['a,b', ' c ']);
    for (const keys of ['["a"', '[1]', '[""]', '[a, b]']) {
      expect(faultsOf({ ...http, WARMUP_KEYS: keys })).toMatch(/WARMUP_KEYS: .+JSON array/u);
    }
  });

  it.each(['/images/', 'images/*', '*'])(
    'refuse the prefix %j, under which no blob would be found',
    (prefix) => {
      const blob = container('https://account.blob.core.windows.net/container');
      expect(faultsOf({ ...blob, WARMUP_PREFIX: prefix })).toMatch(
        /WARMUP_PREFIX: expected the beginning of blob names/u,
      );
    },
  );

  it('name the header fields that are kept, but none that say something of a connection or a client', () => {
    const http = template('https://origin.example/{key}');
    const kept = (value: string) => readSettings({ ...http, ORIGIN_KEEP_HEADERS: value }).origin;
    expect(readSettings(http).origin).toMatchObject({
      keepHeaders: ['content-language', 'content-disposition', 'link'],
    });
    expect(kept('X-One,x-two , X-ONE')).toMatchObject({ keepHeaders: ['x-one', 'x-two'] });
    for (const value of ['Set-Cookie', 'x-one, connection', 'ETag', 'a b', 'ä', 'x:'])
      expect(faultsOf({ ...http, ORIGIN_KEEP_HEADERS: value })).toMatch(/ORIGIN_KEEP_HEADERS: expected/u);
  });

  it('refuse every reference that the platform has not resolved, by name and once', () => {
    const reference = '@Microsoft.KeyVault(SecretUri=https://vault.example/secrets/c2VjcmV0)';
    for (const name of Object.keys(sample())) {
      if (['FUNCTIONS_WORKER_RUNTIME', 'AzureWebJobsStorage'].includes(name)) continue;
      const message = faultsOf({ ...least, [name]: reference });
      expect(
        message.split('\n').filter((line) => line.startsWith(`  ${name}: `)),
        name,
      ).toHaveLength(1);
      expect(message).toContain('a reference that the platform has not resolved');
      expect(message).not.toContain('c2VjcmV0');
    }
    const configuration = '@Microsoft.AppConfiguration(Endpoint=https://a.example; Key=k)';
    expect(faultsOf({ ...least, AZURE_TENANT_ID: configuration })).toMatch(/AZURE_TENANT_ID/u);
    expect(() => readSettings({ ...least, CACHE_KEY_PREFIX: '@mine:' })).not.toThrow();
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

  it('take another authority, by https only', () => {
    const application = {
      ...least,
      REDIS_CREDENTIAL: 'client-secret',
      AZURE_TENANT_ID: 'tenant',
      AZURE_CLIENT_ID: 'client',
      AZURE_CLIENT_SECRET: 'secret',
    };
    const authorityHost = 'https://login.example';
    expect(readSettings({ ...application, AZURE_AUTHORITY_HOST: authorityHost }).credential).toMatchObject({
      authorityHost,
    });
    for (const wrong of ['http://login.example', 'login.example']) {
      expect(faultsOf({ ...application, AZURE_AUTHORITY_HOST: wrong })).toMatch(
        /AZURE_AUTHORITY_HOST: expected an https:/u,
      );
    }
  });
});

function sample(): Record<string, string> {
  const path = new URL('../../../local.settings.sample.json', import.meta.url);
  return (JSON.parse(readFileSync(path, 'utf8')) as { Values: Record<string, string> }).Values;
}
