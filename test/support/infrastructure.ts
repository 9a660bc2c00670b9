// The Bicep CLI at work on the template, for the suites that hold what it says to the project's rules.

import type { Prediction } from '../../scripts/infra-changes.ts';
import { ofType } from './prediction.ts';
import type { BicepServer } from './bicep-server.ts';
import type { TemplateCopy } from './template-copy.ts';

export interface Infrastructure {
  /** Of the CLI itself. */
  readonly path: string;
  readonly server: BicepServer;
  readonly copy: Promise<TemplateCopy>;
}

/** Works out deployments with main.bicepparam; `environment` is what that reads. */
export function predictor({ copy }: Infrastructure) {
  return async (environment?: Readonly<Record<string, string>>): Promise<Prediction> =>
    (await copy).predictDeployment(environment);
}

export function existingCache(kind: 'existing' | 'existing-classic'): Record<string, string> {
  return {
    DEPLOY_CACHE: kind,
    DEPLOY_EXISTING_CACHE_NAME: 'old',
    DEPLOY_EXISTING_CACHE_RESOURCE_GROUP: 'rg-old',
  };
}

/** `~` stands for the token that ends the names. */
export function withToken(prediction: Prediction, lines: readonly string[]): readonly string[] {
  const [identity] = ofType(prediction, 'Microsoft.ManagedIdentity/userAssignedIdentities');
  const token = identity?.name.replace('id-', '') ?? '';
  return lines.map((line) => line.replaceAll('~', token));
}

/** Where the origin's blobs are. */
export const originContainer =
  'Microsoft.Storage/storageAccounts/storigin~/blobServices/default/containers/origin';
