// Packages the app once before the integration tests, which run the package and not the sources.

import { packageApp } from '../../scripts/package.ts';

export async function setup(): Promise<void> {
  await packageApp();
}
