// What azd decides from the files of a project on the way from azure.yaml to a zip. Pure functions over files.

import ignore from 'ignore';
import type { Service } from './azure-yaml.ts';
import { AzdRefusal } from './refusal.ts';

/** The text of a file of the project, by its path from the service's folder; undefined where there is none. */
export type ReadFile = (path: string) => string | undefined;

export interface Lockfile {
  readonly modifiedAtMs: number;
}

/**
 * Whether azd runs `npm install` first: unless the file that npm leaves in node_modules is as new as the lock file.
 * Follows pkg/tools/node/detect.go, IsDependenciesUpToDate.
 */
export function installs(lock: Lockfile | undefined, installed: Lockfile | undefined): boolean {
  return lock === undefined || installed === undefined || installed.modifiedAtMs < lock.modifiedAtMs;
}

/**
 * The package manager that azd finds, which has to be npm: the lock file is npm's.
 * Follows pkg/tools/node/detect.go, DetectPackageManager.
 */
export function checkPackageManager(read: ReadFile): void {
  const source = 'pkg/tools/node/detect.go, DetectPackageManager';
  const [named] = /^@?[^@]+/u.exec(manifest(read).packageManager ?? '') ?? [];
  if (named !== undefined && named !== 'npm') {
    throw new AzdRefusal(source, `package.json names ${named}: azd would install and build with it.`);
  }
  if (named === 'npm') return;
  const other = ['pnpm-lock.yaml', 'pnpm-workspace.yaml', 'yarn.lock'].find(
    (path) => read(path) !== undefined,
  );
  if (other !== undefined) throw new AzdRefusal(source, `Because of ${other} azd would not take npm.`);
}

/** azd itself goes on without a build script (`--if-present`), and then finds nothing, or something old, in `dist`. */
export function checkBuildScript(read: ReadFile, { name, dist }: Service): void {
  if (manifest(read).scripts?.['build'] === undefined) {
    throw new AzdRefusal(
      'pkg/tools/node/node.go, npmCli.RunScript; pkg/project/framework_service_node.go, nodeProject.Package',
      `package.json has no script 'build': azd builds nothing for service '${name}', and '${dist}' is empty or does not exist.`,
    );
  }
}

interface Manifest {
  readonly packageManager?: string;
  readonly scripts?: Readonly<Record<string, string>>;
}

function manifest(read: ReadFile): Manifest {
  return JSON.parse(read('package.json') ?? '{}') as Manifest;
}

/**
 * Whether Azure installs and builds again what azd uploads; here it must not. azd decides this at the end, when
 * everything is provisioned. Follows pkg/project/service_target_functionapp.go, resolveFunctionAppRemoteBuild.
 */
export function checkRemoteBuild(read: ReadFile, { name, remoteBuild }: Service): void {
  const source = 'pkg/project/service_target_functionapp.go, resolveFunctionAppRemoteBuild';
  const ignored = read('.funcignore');
  const excludesModules = ignored !== undefined && patterns(ignored).ignores('node_modules/');
  if (remoteBuild === false && excludesModules) {
    throw new AzdRefusal(
      source,
      "'remoteBuild: false' cannot be used when '.funcignore' excludes node_modules.",
    );
  }
  if (remoteBuild === true && ignored !== undefined && !excludesModules) {
    throw new AzdRefusal(source, "'remoteBuild: true' requires '.funcignore' to exclude node_modules.");
  }
  if (remoteBuild ?? (ignored === undefined || excludesModules)) {
    throw new AzdRefusal(
      source,
      `service '${name}' would be built once more on Azure: set 'remoteBuild: false'.`,
    );
  }
}

/** @param path relative to the folder that is packed, with a `/` at its end where it is a folder */
export type Packs = (path: string) => boolean;

/**
 * What azd puts into the zip of the folder.
 * Follows pkg/project/project_utils.go, createDeployableZip.
 * @param ignored the text of a .funcignore inside of that folder
 */
export function packs(ignored: string | undefined, { remoteBuild }: Service): Packs {
  const rules = ignored === undefined ? undefined : patterns(ignored);
  return (path) => {
    const base = /[^/]+\/?$/u.exec(path)?.[0];
    if (base === '.azure/' || base === '.funcignore' || base === 'local.settings.json') return false;
    if (rules !== undefined) return !rules.ignores(path);
    return base !== 'node_modules/' || remoteBuild === false;
  };
}

/** Follows pkg/project/project_utils.go, createDeployableZip. */
export function zipName(projectName: string, serviceName: string, atMs: number): string {
  return `${projectName}-${serviceName}-azddeploy-${Math.floor(atMs / 1000)}.zip`;
}

function patterns(text: string): ReturnType<typeof ignore> {
  return ignore().add(text.replace(/^\uFEFF/u, ''));
}
