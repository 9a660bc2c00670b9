// What all spans and metrics of this process have in common: which app and instance they come from.

import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
  type Resource,
} from '@opentelemetry/resources';

export interface ResourceOptions {
  readonly serviceVersion: string;
  /** As the fleet names this process; known when the client is there. */
  readonly instanceId: Promise<string>;
  /** The Function App; undefined elsewhere. */
  readonly site: string | undefined;
  readonly host: string | null;
  readonly region: string | null;
  /** Of the site; undefined where the platform does not say. */
  readonly resourceId: string | undefined;
}

/** OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES come before what is found. */
export function createResource({ site, host, region, ...options }: ResourceOptions): Resource {
  const found = resourceFromAttributes({
    'service.name': site ?? 'redis-entra-functions',
    'service.version': options.serviceVersion,
    'service.instance.id': options.instanceId,
    ...(site === undefined ? {} : { 'cloud.provider': 'azure', 'cloud.platform': 'azure.functions' }),
    ...(region === null ? {} : { 'cloud.region': region }),
    ...(options.resourceId === undefined ? {} : { 'cloud.resource_id': options.resourceId }),
    ...(host === null ? {} : { 'faas.instance': host }),
  });
  const fromEnvironment = detectResources({ detectors: [envDetector] });
  return defaultResource().merge(found).merge(fromEnvironment);
}
