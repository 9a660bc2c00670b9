// What `azd provision` would deploy, worked out by the Bicep CLI without a subscription, and what a parameter changes
// in it. Used by `npm run infra-changes` and the infrastructure tests. Writes to the system's temporary folder only.

import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findBicep, runBicep } from './bicep.ts';
import { leftovers } from './infra-leftovers.ts';

const root = join(import.meta.dirname, '..');
const maxShownLength = 120;

export interface PredictedResource {
  readonly id: string;
  readonly type: string;
  readonly name: string;
  readonly [property: string]: unknown;
}

/** What only Azure knows, such as a host name, is left as an expression in brackets. */
export interface Prediction {
  readonly predictedResources: readonly PredictedResource[];
  readonly outputs: Readonly<Record<string, unknown>>;
}

/** @param parameters values for main.bicepparam, as `azd env set` would set them: `DEPLOY_NETWORK` and the like. */
export async function predict(
  bicepPath: string,
  parameters: Readonly<Record<string, string>> = {},
): Promise<Prediction> {
  const directory = await mkdtemp(join(tmpdir(), 'infra-changes-'));
  try {
    // The CLI writes its answer beside the parameter file.
    await copyTemplate(directory);
    const inherited = Object.entries(process.env).filter(([name]) => !/^(?:DEPLOY|AZURE)_/u.test(name));
    const environment = {
      ...Object.fromEntries(inherited),
      AZURE_ENV_NAME: 'demo',
      AZURE_LOCATION: 'westeurope',
      ...parameters,
    };
    const subscriptionId = parameters['AZURE_SUBSCRIPTION_ID'] ?? '00000000-0000-0000-0000-000000000000';
    const file = join(directory, 'infra', 'main.bicepparam');
    const options = ['--subscription-id', subscriptionId, '--location', environment.AZURE_LOCATION];
    const run = await runBicep(bicepPath, ['snapshot', file, ...options], environment);
    if (run.exitCode !== 0) throw new Error(run.stderr.replaceAll(`${directory}/`, ''));
    const text = await readFile(join(directory, 'infra', 'main.snapshot.json'), 'utf8');
    return JSON.parse(text) as Prediction;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Copies infra/ and its configuration to work on; the one name that only Azure knows is the public cloud's there. */
export async function copyTemplate(directory: string): Promise<void> {
  const target = join(directory, 'infra');
  await cp(join(root, 'infra'), target, { recursive: true });
  await cp(join(root, 'bicepconfig.json'), join(directory, 'bicepconfig.json'));
  const files = (await readdir(target, { recursive: true })).filter((name) => name.endsWith('.bicep'));
  for (const name of files) {
    const text = await readFile(join(target, name), 'utf8');
    await writeFile(
      join(target, name),
      text.replaceAll('${environment().suffixes.storage}', 'core.windows.net'),
    );
  }
}

/** One line for each resource that comes or stays behind and for each property that differs. */
export function differences(before: Prediction, after: Prediction): readonly string[] {
  const [earlier, later] = [before, after].map(
    ({ predictedResources }) => new Map(predictedResources.map((resource) => [resource.id, resource])),
  ) as [Map<string, PredictedResource>, Map<string, PredictedResource>];
  const gone = [...earlier.values()].filter(({ id }) => !later.has(id));
  const changed = [...earlier.values()].flatMap((resource) => {
    const lines = propertyDifferences(resource, later.get(resource.id) ?? resource);
    return lines.map((line) => `~ ${resource.type} ${resource.name} ${line}`);
  });
  const added = [...later.values()].filter(({ id }) => !earlier.has(id));
  return [...leftovers(gone), ...changed, ...added.map(({ type, name }) => `+ ${type} ${name}`)];
}

function propertyDifferences(before: unknown, after: unknown, path = ''): readonly string[] {
  if (JSON.stringify(before) === JSON.stringify(after)) return [];
  const [earlier, later] = [named(before), named(after)];
  if (isObject(earlier) && isObject(later)) {
    const names = new Set([...Object.keys(earlier), ...Object.keys(later)]);
    return [...names].flatMap((name) =>
      propertyDifferences(earlier[name], later[name], path === '' ? name : `${path}.${name}`),
    );
  }
  return [`${path}: ${shown(before)} -> ${shown(after)}`];
}

/** Lists of names and values, the app settings, are compared by name. */
function named(value: unknown): unknown {
  const isNamed = (item: unknown): item is { name: string; value: unknown } =>
    isObject(item) && typeof item['name'] === 'string' && 'value' in item;
  if (!Array.isArray(value) || !value.every(isNamed)) return value;
  return Object.fromEntries(value.map((item) => [item.name, item.value]));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function shown(value: unknown): string {
  if (value === undefined) return '(none)';
  const text = JSON.stringify(value);
  // The workbook is one property of 14 KB.
  return text.length <= maxShownLength
    ? text
    : `${text.slice(0, maxShownLength)} ... (${text.length} characters)`;
}

export interface Comparison {
  readonly from: Readonly<Record<string, string>>;
  readonly to: Readonly<Record<string, string>>;
}

const usage = `Usage: npm run infra-changes -- [--from NAME=value ...] [--to] NAME=value ...
--from has what is deployed now, where it is not the defaults. The names are in infra/main.bicepparam;
AZURE_SUBSCRIPTION_ID and AZURE_ENV_NAME, for the names of your resources, count for both.`;

/** `NAME=value` arguments -> values for main.bicepparam, which reads the names that are in `parameterFile`. */
export function readArguments(args: readonly string[], parameterFile: string): Comparison {
  const reads = [...parameterFile.matchAll(/readEnvironmentVariable\(\s*'(\w+)'/gu)];
  const known = [...new Set([...reads.map((match) => match[1] ?? ''), 'AZURE_SUBSCRIPTION_ID'])];
  const sides = { from: {} as Record<string, string>, to: {} as Record<string, string> };
  let side = sides.to;
  let pairs = 0;
  for (const argument of args) {
    const [, name, value = ''] = /^(\w+)=(.*)$/su.exec(argument) ?? [];
    if (argument === '--from' || argument === '--to') side = argument === '--from' ? sides.from : sides.to;
    else if (name === undefined) throw new Error(usage);
    else if (!known.includes(name)) {
      throw new Error(`infra/main.bicepparam reads no ${name}; it reads ${known.join(', ')}.`);
    } else {
      pairs += 1;
      for (const target of name.startsWith('AZURE_') ? Object.values(sides) : [side]) target[name] = value;
    }
  }
  if (pairs === 0) throw new Error(usage);
  return sides;
}

if (import.meta.main) {
  try {
    const parameterFile = await readFile(join(root, 'infra', 'main.bicepparam'), 'utf8');
    const { from, to } = readArguments(process.argv.slice(2), parameterFile);
    const search = await findBicep();
    if (search.kind === 'missing') throw new Error(search.reason);
    const [before, after] = await Promise.all([predict(search.path, from), predict(search.path, to)]);
    const lines = differences(before, after);
    console.log(lines.length === 0 ? 'Nothing changes.' : lines.join('\n'));
    if (lines.some((line) => line.startsWith('- '))) {
      console.log('\nA deployment deletes nothing: what stays behind is paid for until it is removed.');
      if (to['AZURE_SUBSCRIPTION_ID'] === undefined || to['AZURE_ENV_NAME'] === undefined) {
        console.log('For the names of your resources, add AZURE_SUBSCRIPTION_ID and AZURE_ENV_NAME.');
      }
    }
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
