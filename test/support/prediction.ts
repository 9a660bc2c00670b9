// Reads what the Bicep CLI says would be deployed. Pure functions; knows no CLI.

import type { PredictedResource, Prediction } from '../../scripts/infra-changes.ts';

export type Faults = readonly string[];

export type Tree = Readonly<Record<string, unknown>>;

/** The value at a path like `properties.publicNetworkAccess`; undefined where there is none. */
export function at(tree: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>((node, name) => (node as Tree | null | undefined)?.[name], tree as Tree);
}

export function ofType({ predictedResources }: Prediction, type: string): readonly PredictedResource[] {
  return predictedResources.filter((resource) => resource.type.toLowerCase() === type.toLowerCase());
}

type Expectation = readonly [type: string, path: string, value: unknown];

export function unmet(prediction: Prediction, expectations: readonly Expectation[]): Faults {
  return expectations.flatMap(([type, path, value]) =>
    ofType(prediction, type)
      .filter((resource) => at(resource, path) !== value)
      .map(({ name, ...resource }) => `${type} ${name}: ${path} is ${JSON.stringify(at(resource, path))}`),
  );
}

/** The user-assigned identity that an expression or a resource id names. */
export function identityIn(text: string): string | undefined {
  return /\/userAssignedIdentities\/([\w-]+)/u.exec(text)?.[1];
}

export function appSettings(prediction: Prediction): Readonly<Record<string, string>> {
  const [app] = ofType(prediction, 'Microsoft.Web/sites');
  const settings = at(app, 'properties.siteConfig.appSettings') as { name: string; value: string }[];
  return Object.fromEntries(settings.map(({ name, value }) => [name, value]));
}
