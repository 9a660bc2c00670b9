import { expect, it } from 'vitest';
import { readPlatform } from '../../../src/config/platform.ts';

it('reads where the process runs, as App Service and Flex Consumption each say it', () => {
  const common = { WEBSITE_SITE_NAME: 'shop', REGION_NAME: 'West Europe' };
  const rest = { site: 'shop', region: 'West Europe', functionTimeoutMs: 300_000 };
  const instance = 'a'.repeat(64);
  expect(readPlatform({ ...common, WEBSITE_INSTANCE_ID: instance })).toEqual({ ...rest, host: instance });
  expect(readPlatform({ ...common, CONTAINER_NAME: '0--box' })).toEqual({ ...rest, host: '0--box' });
});

it('runs elsewhere, where nothing says so', () => {
  expect(readPlatform({ AzureFunctionsJobHost__functionTimeout: '00:10:00' })).toEqual({
    site: undefined,
    host: null,
    region: null,
    functionTimeoutMs: 600_000,
  });
});
