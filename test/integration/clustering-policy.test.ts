// A setting that does not fit the cache is told by name, not suffered; and no certificate is taken for another.

import { expect, it } from 'vitest';
import type { AnyStack } from '../../local/stack.ts';
import { eventually } from '../support/eventually.ts';
import { startLocalApp, type LocalApp } from '../support/local-app.ts';

const logged = (app: LocalApp<AnyStack>, text: string): string[] =>
  app.host
    .logs()
    .map(({ message }) => message)
    .filter((message) => message.includes(text));

/** One clear error, 503 for every key, and not ready. */
async function expectToldOnce(app: LocalApp<AnyStack>, setting: RegExp): Promise<void> {
  await eventually(async () => {
    for (const key of ['a', 'b', 'c', 'd', 'e', 'f']) {
      expect((await app.fetch(`/api/cache/${key}`)).status).toBe(503);
    }
  });
  expect((await app.fetch('/api/health/ready')).status).toBe(503);
  const told = logged(app, 'clusteringPolicyWrong');
  expect(told).toHaveLength(1);
  expect(told[0]).toMatch(setting);
}

it('a cluster behind a setting for one endpoint', async () => {
  await using app = await startLocalApp({
    cluster: true,
    untilReady: false,
    settings: { REDIS_CLUSTERING_POLICY: 'EnterpriseCluster', REQUEST_BUDGET_MS: '500' },
  });
  await expectToldOnce(app, /REDIS_CLUSTERING_POLICY is EnterpriseCluster, but .* OSSCluster\./u);
});

it('one endpoint behind OSSCluster', async () => {
  await using app = await startLocalApp({
    untilReady: false,
    settings: { REDIS_CLUSTERING_POLICY: 'OSSCluster', REQUEST_BUDGET_MS: '500' },
  });
  await expectToldOnce(
    app,
    /REDIS_CLUSTERING_POLICY is OSSCluster, but .* EnterpriseCluster or NoCluster\./u,
  );
});

it('a node whose certificate names another host is not talked to', async () => {
  await using app = await startLocalApp({
    cluster: true,
    untilReady: false,
    // Where the cache is, but not what its certificate says.
    settings: { REDIS_HOSTNAME: '127.0.0.1', REQUEST_BUDGET_MS: '500' },
  });
  await eventually(() => expect(logged(app, 'connectionFailed')[0]).toMatch(/certificate|altnames/iu));
  expect((await app.fetch('/api/cache/a')).status).toBe(503);
  expect(app.stack.front.stats.auths).toBe(0);
});
