// azd takes azure.yaml as it is, and the rehearsal says so of every way in which it would not.

import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { existsSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { satisfies } from 'semver';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { loadProject, type Service } from '../../../scripts/azd-rehearsal/azure-yaml.ts';
import {
  checkBuildScript,
  checkPackageManager,
  checkRemoteBuild,
  installs,
  packs,
  zipName,
} from '../../../scripts/azd-rehearsal/decisions.ts';
import { differences, packedFiles } from '../../../scripts/azd-rehearsal/packing.ts';
import { followedAzdVersion } from '../../../scripts/azd-rehearsal/refusal.ts';

const root = join(import.meta.dirname, '../../..');
const azureYaml = await readFile(join(root, 'azure.yaml'), 'utf8');
const manifest = await readFile(join(root, 'package.json'), 'utf8');

const reading =
  (files: Readonly<Record<string, string>>) =>
  (path: string): string | undefined =>
    files[path];

/** Everything that azd decides from files, in its order. */
function decide(yaml: string, files: Readonly<Record<string, string>>, azdVersion?: string): Service {
  const { service } = loadProject(yaml, azdVersion);
  checkPackageManager(reading(files));
  checkBuildScript(reading(files), service);
  checkRemoteBuild(reading(files), service);
  return service;
}

it('azd takes the project as it is', () => {
  const own = (path: string): string | undefined =>
    existsSync(join(root, path)) ? readFileSync(join(root, path), 'utf8') : undefined;
  const { name, service } = loadProject(azureYaml);
  checkPackageManager(own);
  checkBuildScript(own, service);
  checkRemoteBuild(own, service);
  expect({ name, service }).toEqual({
    name: 'redis-entra-functions',
    service: { name: 'app', project: '.', language: 'ts', dist: 'out/app', remoteBuild: false },
  });
});

it('what azd builds is what npm run package writes', () => {
  const { scripts } = JSON.parse(manifest) as { scripts: Record<string, string> };
  expect(scripts['build']).toBe(scripts['package']);
});

it('an azd is asked for that leaves other resource groups alone, and hands on every parameter', async () => {
  const { requiredVersions, pipeline } = parse(azureYaml) as {
    requiredVersions: { azd: string };
    pipeline: { variables: string[] };
  };
  expect(satisfies('1.24.0', requiredVersions.azd)).toBe(false);
  expect(satisfies('1.24.1', requiredVersions.azd)).toBe(true);
  const parameters = await readFile(join(root, 'infra/main.bicepparam'), 'utf8');
  const names = [...parameters.matchAll(/'(DEPLOY_\w+)'/gu)].map(([, name = '']) => name);
  expect(pipeline.variables.toSorted()).toEqual([...new Set(names)].toSorted());
});

// azd reads no main.bicepparam for it (pkg/infra/provisioning/bicep/bicep_provider.go, Parameters): it would ask for
// these, and then refuse what was answered (pkg/pipeline/pipeline.go, mergeProjectVariablesAndSecrets).
it('azd pipeline config knows where the parameters without a default come from', async () => {
  const template = await readFile(join(root, 'infra/main.bicep'), 'utf8');
  const required = [...template.matchAll(/^param (\w+) [\w'| ]+$/gmu)].map(([, name = '']) => name);
  const { parameters } = JSON.parse(await readFile(join(root, 'infra/main.parameters.json'), 'utf8')) as {
    parameters: Record<string, { value: string }>;
  };
  const variables = Object.fromEntries(Object.entries(parameters).map(([name, { value }]) => [name, value]));
  expect(variables).toEqual({ environmentName: '${AZURE_ENV_NAME}', location: '${AZURE_LOCATION}' });
  expect(Object.keys(parameters).toSorted()).toEqual(required.toSorted());
});

describe('refuses', () => {
  const files = { 'package.json': manifest, 'package-lock.json': '{}' };
  const without = (line: RegExp): string => azureYaml.replace(line, '');
  const as = (line: RegExp, other: string): string => azureYaml.replace(line, other);
  const broken: readonly (readonly [
    what: string,
    message: string,
    yaml: string,
    files?: Record<string, string>,
  ])[] = [
    ['language: custom', "language 'custom' (alpha)", as(/language: ts/u, 'language: custom')],
    ['an unknown language', "language 'deno' is not supported", as(/language: ts/u, 'language: deno')],
    ["another framework's language", 'builds without npm', as(/language: ts/u, 'language: python')],
    ['no language', 'builds without npm', without(/^ *language: ts\n/mu)],
    ['no host', "must have 'host: function'", without(/^ *host: .*\n/mu)],
    ['no project', "has no 'project'", without(/^ *project: .*\n/mu)],
    ['no dist', 'would deploy the whole folder', without(/^ *dist: .*\n/mu)],
    ['remoteBuild left out', 'built once more on Azure', without(/^ *remoteBuild: .*\n/mu)],
    ['remoteBuild: true', 'built once more on Azure', as(/remoteBuild: false/u, 'remoteBuild: true')],
    ['remoteBuild as text', 'must be true or false', as(/remoteBuild: false/u, "remoteBuild: 'no'")],
    ['a version that is not out', 'is outside of it', as(/>= 1\.24\.1/u, '>= 99.0.0')],
    ['old versions only', 'is outside of it', as(/>= 1\.24\.1/u, '< 1.20.0')],
    ['no range of versions', 'is no range of versions', as(/>= 1\.24\.1/u, 'latest, please')],
    ['an empty service', 'has an empty definition', 'name: ref\nservices:\n  app:\n'],
    ['no service', 'there are 0', 'name: ref\n'],
    ['an empty file', 'is empty', '\n'],
    ['no YAML', 'is no YAML', 'name: [ref\n'],
    ['a name that cannot be one', "'name' must be", as(/^name: .*/mu, 'name: Redis Entra')],
    ['an empty hook', 'has no definition', `${azureYaml}hooks:\n  prepackage:\n`],
    ['a hook without run', "has no 'run'", `${azureYaml}hooks:\n  prepackage:\n    shell: sh\n`],
    ['an image and code', "'image' does not go", as(/( *)dist: /u, '$1image: x\n$1dist: ')],
    ['a .funcignore with *', 'excludes node_modules', azureYaml, { '.funcignore': '*\n!out/\n' }],
    [
      'a .funcignore with a mark',
      'excludes node_modules',
      azureYaml,
      { '.funcignore': '\uFEFFnode_modules\n' },
    ],
    ['no build script', "no script 'build'", azureYaml, { 'package.json': '{}' }],
    ['a lock file of yarn', 'azd would not take npm', azureYaml, { 'yarn.lock': '' }],
    ['pnpm by name', 'names pnpm', azureYaml, { 'package.json': '{"packageManager":"pnpm@9.0.0"}' }],
  ];
  for (const [what, message, yaml, more] of broken) {
    it(what, () => {
      expect(() => decide(yaml, { ...files, ...more })).toThrow(message);
    });
  }

  it('an azd that is too old', () => {
    expect(() => decide(azureYaml, files, '1.23.0')).toThrow(
      "requiredVersions.azd is '>= 1.24.1', and azd 1.23.0 is outside of it.",
    );
  });

  it('naming the place in the source of azd', () => {
    const custom = azureYaml.replace('language: ts', 'language: custom');
    expect(() => decide(custom, files)).toThrow(
      `(cmd/container.go, registerCommonDependencies, azd ${followedAzdVersion})`,
    );
  });
});

it('a .funcignore that keeps node_modules does no harm', () => {
  const files = { 'package.json': manifest, '.funcignore': '*\n!node_modules/\n!out/\n' };
  expect(decide(azureYaml, files).remoteBuild).toBe(false);
});

it('installs unless node_modules is as new as the lock file', () => {
  expect(installs({ modifiedAtMs: 2 }, { modifiedAtMs: 2 })).toBe(false);
  expect(installs({ modifiedAtMs: 2 }, { modifiedAtMs: 1 })).toBe(true);
  expect(installs({ modifiedAtMs: 2 }, undefined)).toBe(true);
  expect(installs(undefined, { modifiedAtMs: 2 })).toBe(true);
});

describe('packs', () => {
  const { service } = loadProject(azureYaml);

  it('everything but what is local, by default', () => {
    const included = packs(undefined, service);
    expect(['main.mjs', 'lib/.hidden', 'node_modules/'].filter((path) => !included(path))).toEqual([]);
    expect(
      ['local.settings.json', 'lib/local.settings.json', '.azure/', '.funcignore'].filter(included),
    ).toEqual([]);
    expect(packs(undefined, { ...service, remoteBuild: undefined })('lib/node_modules/')).toBe(false);
  });

  it('by the ignore file inside of the folder, which takes the place of the default', () => {
    const included = packs('*.map\n!keep.map\n', { ...service, remoteBuild: undefined });
    const paths = ['main.mjs', 'main.map', 'keep.map', 'node_modules/'];
    expect(paths.filter(included)).toEqual(['main.mjs', 'keep.map', 'node_modules/']);
  });

  it('a folder as it is on the disk', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'packing-'));
    try {
      await mkdir(join(directory, 'lib'));
      await writeFile(join(directory, 'main.mjs'), 'main');
      await writeFile(join(directory, 'local.settings.json'), '{}');
      await writeFile(join(directory, 'lib/part.mjs'), 'part');
      await symlink('main.mjs', join(directory, 'link.mjs'));
      const files = await packedFiles(directory, service);
      expect([...files.keys()]).toEqual(['lib/part.mjs', 'link.mjs', 'main.mjs']);
      const other = new Map([...files, ['main.mjs', Buffer.from('other')], ['new.mjs', Buffer.from('')]]);
      other.delete('link.mjs');
      expect(differences(files, files)).toEqual([]);
      expect(differences(files, other).toSorted()).toEqual(['link.mjs', 'main.mjs', 'new.mjs']);
      await rm(directory, { recursive: true });
      await mkdir(directory);
      await expect(packedFiles(directory, service)).rejects.toThrow("'out/app' is empty");
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });

  it('into a zip of the name that azd gives it', () => {
    expect(zipName('shop', 'app', 1_700_000_000_999)).toBe('shop-app-azddeploy-1700000000.zip');
  });
});
