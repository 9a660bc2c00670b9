// What the platform says of where this process runs.

import { functionTimeoutMs } from './function-timeout.ts';
import type { Environment } from './settings-reader.ts';

export interface Platform {
  /** The Function App's name; undefined elsewhere. */
  readonly site: string | undefined;
  /** The machine or container; several processes of a host share it. */
  readonly host: string | null;
  readonly region: string | null;
  /** Of the app in Azure Resource Manager. */
  readonly resourceId: string | undefined;
  /** What an invocation may take. */
  readonly functionTimeoutMs: number;
}

export function readPlatform(environment: Environment): Platform {
  return {
    site: environment['WEBSITE_SITE_NAME'],
    // CONTAINER_NAME is what Flex Consumption sets.
    host: environment['WEBSITE_INSTANCE_ID'] ?? environment['CONTAINER_NAME'] ?? null,
    region: environment['REGION_NAME'] ?? null,
    resourceId: resourceIdOf(environment),
    functionTimeoutMs: functionTimeoutMs(environment),
  };
}

/** WEBSITE_OWNER_NAME is `<subscription>+<web space>`. */
function resourceIdOf(environment: Environment): string | undefined {
  const site = environment['WEBSITE_SITE_NAME'];
  const group = environment['WEBSITE_RESOURCE_GROUP'];
  const [subscription] = environment['WEBSITE_OWNER_NAME']?.split('+') ?? [];
  if (site === undefined || group === undefined || subscription === undefined) return undefined;
  return `/subscriptions/${subscription}/resourceGroups/${group}/providers/Microsoft.Web/sites/${site}`;
}
