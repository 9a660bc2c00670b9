// The typed client, through the packaged app and the local host.

import { afterAll, beforeAll } from 'vitest';
import { createCacheClient } from '../../src/exports/client.ts';
import { cacheClientSuite } from '../contract/cache-client.ts';
import { startContractApp, type ContractApp } from '../support/contract-app.ts';

let app: ContractApp;
beforeAll(async () => {
  app = await startContractApp({ settings: { CACHE_MAX_VALUE_BYTES: '2000000' } });
});
afterAll(async () => app?.stop());

cacheClientSuite(() => ({
  app,
  client: (options) => createCacheClient({ url: `${app.host.url}/api`, ...options }),
}));
