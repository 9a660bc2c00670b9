// What every variant of the infrastructure promises: tokens only, the least roles, no secret, nothing public that need not be.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Prediction } from '../../../scripts/infra-changes.ts';
import { readSettings } from '../../../src/config/settings.ts';
import {
  existingCache,
  originContainer,
  predictor,
  withToken,
  type Infrastructure,
} from '../../support/infrastructure.ts';
import { appSettings, at, ofType, type Faults } from '../../support/prediction.ts';
import * as access from '../../support/template-access-checks.ts';
import { breakages } from '../../support/template-breakages.ts';
import { infraDirectory } from '../../support/template-copy.ts';
import { allFaults, settingsTheAppReads } from '../../support/template-faults.ts';

type Json = Record<string, unknown>;

const hostRole = 'Storage Blob Data Owner on Microsoft.Storage/storageAccounts/sthost';

export function rules(infrastructure: Infrastructure): void {
  const predict = predictor(infrastructure);
  const template = async (): Promise<Json> => {
    const { contents } = await infrastructure.server.compile(join(infraDirectory, 'main.bicep'));
    return JSON.parse(contents ?? 'null') as Json;
  };
  const variants = {
    'by default': predict(),
    private: predict({ DEPLOY_NETWORK: 'private' }),
    'with an existing cache': predict(existingCache('existing')),
    'with an existing classic cache': predict(existingCache('existing-classic')),
    'with callers of Entra': predict({
      DEPLOY_CALLERS: 'entra',
      DEPLOY_CALLERS_AUDIENCE: 'c11e0000-0000-4000-8000-0000000000aa',
      DEPLOY_CALLERS_PREFIXES: '{"Cache.Read":"shop/"}',
    }),
    'with an HTTP origin': predict({
      DEPLOY_ORIGIN: 'http',
      DEPLOY_ORIGIN_URL_TEMPLATE: 'https://example.org/{key}',
      DEPLOY_APP_SETTINGS: JSON.stringify({ CACHE_WRITES: 'disabled', WARMUP_KEYS: 'a,b' }),
    }),
    'with OpenTelemetry': predict({ DEPLOY_TELEMETRY: 'opentelemetry' }),
  };

  for (const [variant, prediction] of Object.entries(variants)) {
    it(`${variant}: tokens only, TLS only, settings that the app reads, one identity everywhere`, async () => {
      const predicted = await prediction;
      expect(allFaults(predicted)).toEqual([]);
      expect(settingsOf(predicted).credential).toMatchObject({ kind: 'managed-identity' });
    });
  }

  it('with OpenTelemetry the app sends to Application Insights by its identity, and traces what the host traces', async () => {
    expect(settingsOf(await variants['by default']).telemetry).toBeUndefined();
    expect(settingsOf(await variants['with OpenTelemetry']).telemetry).toMatchObject({
      traces: { sampler: 'parentbased_always_on', otlp: undefined },
      azureMonitor: { identity: { clientId: 'worked-out' } },
    });
  });

  it('the app takes callers of Entra as they are deployed, with their prefixes', async () => {
    expect(settingsOf(await variants['with callers of Entra']).callers).toMatchObject({
      kind: 'entra',
      audiences: ['c11e0000-0000-4000-8000-0000000000aa'],
      prefixes: { 'Cache.Read': 'shop/' },
    });
    expect(settingsOf(await variants['by default']).callers).toEqual({ kind: 'function-key' });
  });

  it('lets every setting of the app be set, but those that would undo what is promised', async () => {
    const properties = at(await template(), 'definitions.appSettingsType.properties') as Json;
    const withCallers = await variants['with callers of Entra'];
    const fixed = [await variants['by default'], withCallers].flatMap((one) => Object.keys(appSettings(one)));
    const decided = ['REDIS_TLS', 'REDIS_CREDENTIAL', 'ORIGIN_URL_TEMPLATE', 'TELEMETRY'];
    const settable = new Set([...Object.keys(properties), ...fixed, ...decided]);
    expect([...settingsTheAppReads()].filter((name) => !settable.has(name))).toEqual([]);
    // Read apart from the settings: they are the host's as well.
    const hosts = [
      'AzureFunctionsJobHost__functionTimeout',
      'OTEL_EXPORTER_OTLP_ENDPOINT',
      'OTEL_EXPORTER_OTLP_PROTOCOL',
      'OTEL_TRACES_SAMPLER',
      'OTEL_TRACES_SAMPLER_ARG',
    ];
    const known = new Set([...settingsTheAppReads(), ...hosts]);
    expect(Object.keys(properties).filter((name) => !known.has(name))).toEqual([]);
  });

  it('gives the identity the least roles, each on one resource', async () => {
    const roles = [
      `${hostRole}~ to id-~`,
      `Storage Blob Data Reader on ${originContainer} to id-~`,
      'Monitoring Metrics Publisher on Microsoft.Insights/components/appi-~ to id-~',
    ];
    for (const variant of ['by default', 'private', 'with an existing cache'] as const) {
      const predicted = await variants[variant];
      expect(access.roleFaults(predicted, withToken(predicted, roles))).toEqual([]);
    }
    const withoutBlobs = await variants['with an HTTP origin'];
    const fewer = withToken(
      withoutBlobs,
      roles.filter((role) => !role.includes('Reader')),
    );
    expect(access.roleFaults(withoutBlobs, fewer)).toEqual([]);
  });

  it('the private variant has no public endpoint but the app, and a private one for all that the app needs', async () => {
    expect(access.privacyFaults(await variants.private)).toEqual([]);
    expect(access.privacyFaults(await variants['by default'])).not.toEqual([]);
  });

  it('an existing cache is given access to, and is not changed', async () => {
    for (const variant of ['with an existing cache', 'with an existing classic cache'] as const) {
      const caches = (await variants[variant]).predictedResources.filter(({ type }) =>
        type.startsWith('Microsoft.Cache/'),
      );
      expect(caches.map(({ type }) => type)).toEqual([
        expect.stringMatching(/\/accessPolicyAssignments$/u) as string,
      ]);
      expect(caches[0]?.id).toContain('/resourceGroups/rg-old/');
      expect(JSON.stringify(caches[0])).toContain('outputs.principalId');
    }
  });

  it('azd finds what it deploys to', async () => {
    const predicted = await variants['by default'];
    const azure = await readFile(join(infraDirectory, '..', 'azure.yaml'), 'utf8');
    const [, service] = /^services:\n {2}(\w+):\n/mu.exec(azure) ?? [];
    const [app] = ofType(predicted, 'Microsoft.Web/sites');
    expect(at(app, 'tags.azd-service-name')).toBe(service);
    expect(azure).toContain('dist: out/app\n');
    expect(Object.keys(predicted.outputs)).toEqual(
      expect.arrayContaining([
        'AZURE_LOCATION',
        'AZURE_RESOURCE_GROUP',
        'SERVICE_APP_NAME',
        'SERVICE_APP_URI',
      ]),
    );
    const untagged = predicted.predictedResources.filter(
      (resource) => 'location' in resource && at(resource, 'tags.azd-env-name') !== 'demo',
    );
    expect(untagged.map(({ name }) => name)).toEqual([]);
  });

  describe('broken once, each rule says so:', () => {
    for (const [what, break_, expected] of breakages) {
      it(what, async () => {
        const broken = structuredClone(await variants.private);
        break_(broken);
        expect([...allFaults(broken), ...access.privacyFaults(broken)].join('\n')).toMatch(expected);
      });
    }

    it('a role more, a role less, a role on the resource group', async () => {
      const predicted = await variants['by default'];
      const expected = access.assignments(predicted);
      const [first] = ofType(predicted, 'Microsoft.Authorization/roleAssignments');
      const wider = {
        ...first,
        id: `${first?.id.split('/providers/')[0]}/providers/Microsoft.Authorization/roleAssignments/x`,
      };
      const faults = (change: (resources: unknown[]) => unknown[]): Faults =>
        access.roleFaults(
          { ...predicted, predictedResources: change([...predicted.predictedResources]) as never },
          expected,
        );
      expect(faults((resources) => resources)).toEqual([]);
      expect(faults((resources) => [...resources, wider]).join()).toMatch(
        /^not expected: .*resourceGroups\/rg-demo to/u,
      );
      expect(faults((resources) => resources.filter((resource) => resource !== first)).join()).toMatch(
        /^missing: /u,
      );
    });

    it('a parameter or output for a secret, a key that is read, a parameter without description', () => {
      const inner = { parameters: { adminPassword: { type: 'string' } } };
      const broken = {
        parameters: { token: { type: 'securestring' } },
        outputs: { connectionString: { type: 'string' } },
        resources: { storage: { value: "[listKeys('x')]", properties: { template: inner } } },
      };
      expect(access.secretFaults(broken)).toEqual([
        'main: parameters has token',
        'main: outputs has connectionString',
        'storage: parameters has adminPassword',
        'reads listKeys(...)',
      ]);
      expect(access.descriptionFaults(broken)).toHaveLength(2);
    });
  });
}
/** The app's own reader takes what the template sets; what only Azure knows is put in for it. */
function settingsOf(prediction: Prediction): ReturnType<typeof readSettings> {
  const known: Record<string, string> = {
    REDIS_HOSTNAME: 'cache.westeurope.redis.azure.net',
    REDIS_PORT: '6380',
    REDIS_CLUSTERING_POLICY: 'NoCluster',
    HTTP_ENTRA_TENANT_ID: 'c11e0000-0000-4000-8000-0000000000bb',
    AZURE_AUTHORITY_HOST: 'https://login.microsoftonline.com/',
    ORIGIN_BLOB_CONTAINER_URL: 'https://account.blob.core.windows.net/origin',
    APPLICATIONINSIGHTS_CONNECTION_STRING: 'InstrumentationKey=11111111-1111-1111-1111-111111111111',
  };
  const settings = Object.entries(appSettings(prediction)).map(([name, value]) => {
    const text = /^\[format\('([^']+)'/u.exec(value)?.[1]?.replaceAll(/\{\d\}/gu, 'worked-out');
    return [name, value.startsWith('[') ? (known[name] ?? text ?? 'known-to-azure') : value];
  });
  return readSettings(Object.fromEntries(settings) as Record<string, string>);
}
