// The arguments of `npm run infra-changes`, and which Bicep CLI is recent enough for it.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { compareVersions } from '../../../scripts/bicep.ts';
import { readArguments } from '../../../scripts/infra-changes.ts';

const infraDirectory = join(import.meta.dirname, '../../../infra');

it('versions of the Bicep CLI are compared as numbers', () => {
  expect(compareVersions('0.9.10', '0.49.2')).toBeLessThan(0);
  expect(compareVersions('1.0.0', '0.49.2')).toBeGreaterThan(0);
  expect(compareVersions('0.49.2', '0.49.2')).toBe(0);
});

it('a parameter that the template does not have is refused by name', async () => {
  const file = await readFile(join(infraDirectory, 'main.bicepparam'), 'utf8');
  expect(readArguments(['DEPLOY_CACHE_SKU=Balanced_B1'], file)).toEqual({
    from: {},
    to: { DEPLOY_CACHE_SKU: 'Balanced_B1' },
  });
  const both = ['--from', 'DEPLOY_NETWORK=private', '--to', 'DEPLOY_NETWORK=public', 'AZURE_ENV_NAME=shop'];
  expect(readArguments(both, file)).toEqual({
    from: { DEPLOY_NETWORK: 'private', AZURE_ENV_NAME: 'shop' },
    to: { DEPLOY_NETWORK: 'public', AZURE_ENV_NAME: 'shop' },
  });
  expect(() => readArguments(['DEPLOY_CACHE_SKUU=x'], file)).toThrow('DEPLOY_CACHE_SKUU');
  expect(() => readArguments(['--from'], file)).toThrow('Usage');
});
