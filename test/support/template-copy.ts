// A copy of infra/ that a Bicep CLI works deployments out from, each by a parameter file of its own. Each template is
// compiled once: compiled for every deployment, they cost four times as much.

import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { copyTemplate, type Prediction } from '../../scripts/infra-changes.ts';
import type { BicepServer } from './bicep-server.ts';

export const infraDirectory = join(import.meta.dirname, '../../infra');
export const subscriptionId = '00000000-0000-0000-0000-000000000000';

export interface TemplateCopy {
  /** @param values parameters of the template, by name. */
  predict(template: string, values: Readonly<Record<string, unknown>>): Promise<Prediction>;
  /** @param environment what main.bicepparam reads: `DEPLOY_NETWORK` and the like. */
  predictDeployment(environment?: Readonly<Record<string, string>>): Promise<Prediction>;
  remove(): Promise<void>;
}

/** @param change done to the copy first. */
export async function openTemplateCopy(
  server: BicepServer,
  change?: (directory: string) => Promise<void>,
): Promise<TemplateCopy> {
  const directory = await mkdtemp(join(tmpdir(), 'bicep-copy-'));
  const infra = join(directory, 'infra');
  await copyTemplate(directory);
  await change?.(infra);
  const main = await readFile(join(infra, 'main.bicepparam'), 'utf8');
  const compiled = new Map<string, Promise<void>>();
  const compile = async (template: string): Promise<void> => {
    const { contents, diagnostics } = await server.compile(join(infra, template));
    if (contents === null) throw new Error(`${template} does not compile: ${JSON.stringify(diagnostics)}`);
    await writeFile(join(infra, compiledName(template)), contents);
  };
  let files = 0;
  const predict = async (template: string, parameters: string): Promise<Prediction> => {
    const compiling = compiled.get(template) ?? compile(template);
    compiled.set(template, compiling);
    await compiling;
    files += 1;
    const file = join(infra, `case-${files}.bicepparam`);
    await writeFile(file, parameters.replace(`using '${template}'`, `using '${compiledName(template)}'`));
    const scope = template === 'main.bicep' ? { location: 'westeurope' } : { resourceGroup: 'rg-app' };
    return server.predict(file, { subscriptionId, ...scope });
  };
  return {
    predict: (template, values) => predict(template, parameterFile(template, values)),
    predictDeployment: (environment = {}) =>
      predict(
        'main.bicep',
        withEnvironment(main, { AZURE_ENV_NAME: 'demo', AZURE_LOCATION: 'westeurope', ...environment }),
      ),
    remove: () => rm(directory, { recursive: true, force: true }),
  };
}

function compiledName(template: string): string {
  return template.replace(/\.bicep$/u, '.json');
}

/** Every Bicep file, below infra/. */
export async function bicepFiles(): Promise<readonly string[]> {
  const names = await readdir(infraDirectory, { recursive: true });
  return names.filter((name) => /\.bicep(?:param)?$/u.test(name)).toSorted();
}

/** JSON is Bicep once names have no quotes, strings have single ones and lines end where values do. */
function parameterFile(template: string, values: Readonly<Record<string, unknown>>): string {
  const lines = Object.entries(values).map(([name, value]) => {
    const text = JSON.stringify(JSON.stringify(value))
      .slice(1, -1)
      .replaceAll("'", String.raw`\'`);
    return `param ${name} = json('${text.replaceAll(String.raw`\"`, '"')}')`;
  });
  return [`using '${template}'`, ...lines, ''].join('\n');
}

/** Puts values where a parameter file reads the environment: the CLI has only the one that it was started with. */
function withEnvironment(text: string, environment: Readonly<Record<string, string>>): string {
  const reads = /readEnvironmentVariable\(\s*'(\w+)'(?:,\s*([^()]*))?\)/gu;
  const replaced = text.replaceAll(reads, (_call, name: string, standard: string | undefined) => {
    const value = environment[name];
    if (value !== undefined) return `'${value.replaceAll(/['\\]/gu, String.raw`\$&`)}'`;
    if (standard === undefined) throw new Error(`${name} is not set`);
    // Without parentheses, so that the call around it is found in the next round.
    return standard.includes('?') ? `[${standard}][0]` : standard.trim();
  });
  return replaced === text ? text : withEnvironment(replaced, environment);
}
