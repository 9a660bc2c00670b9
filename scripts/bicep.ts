// Finds the Bicep CLI, or restores it from NuGet, and runs it. Used by `npm run bicep` and the infrastructure tests.
// Writes below node_modules/.cache and the system's temporary folder only.

import { execFile, spawn } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { packageDirectory, restorePackage } from './nuget-package.ts';

/** What CI compiles with. An older one may not know the API versions in infra/, and would warn of them. */
export const pinnedVersion = '0.49.2';
const cacheDirectory = join(import.meta.dirname, '..', 'node_modules', '.cache', 'bicep');

export type BicepSearch =
  { readonly kind: 'found'; readonly path: string } | { readonly kind: 'missing'; readonly reason: string };

export interface BicepRun {
  readonly exitCode: number;
  readonly stdout: string;
  /** Diagnostics of the compiler and the linter. */
  readonly stderr: string;
}

/** `BICEP`, `bicep` on PATH, the one `az` or `azd` installed, else the one NuGet has. */
export async function findBicep(environment: NodeJS.ProcessEnv = process.env): Promise<BicepSearch> {
  const rejected: string[] = [];
  for (const path of candidates(environment)) {
    const version = await versionOf(path);
    if (version !== undefined && compareVersions(version, pinnedVersion) >= 0) return { kind: 'found', path };
    if (version !== undefined) rejected.push(`${path} is ${version}`);
  }
  const restored = await restoreFromNuGet(pinnedVersion);
  if (restored.kind === 'found') return restored;
  const remedy = `Install the Bicep CLI ${pinnedVersion} or later (az bicep install, az bicep upgrade, or https://aka.ms/bicep-install), or name one in BICEP.`;
  return { kind: 'missing', reason: [...rejected, restored.reason, remedy].join('\n') };
}

/** Runs the CLI to its end. Its exit code says whether there were errors; warnings are in `stderr`. */
export async function runBicep(
  path: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv = process.env,
): Promise<BicepRun> {
  return new Promise((resolve, reject) => {
    const options = { env: bicepEnvironment(environment), maxBuffer: 64 * 1024 * 1024 };
    execFile(path, [...args], options, (error, stdout, stderr) => {
      if (error !== null && typeof error.code !== 'number') reject(error);
      else resolve({ exitCode: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

/** The CLI is a .NET program: without ICU on the machine it starts in this mode only. */
function bicepEnvironment(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { ...environment, DOTNET_SYSTEM_GLOBALIZATION_INVARIANT: '1' };
}

function candidates(environment: NodeJS.ProcessEnv): readonly string[] {
  const named = environment['BICEP'];
  if (named !== undefined && named !== '') return [named];
  const onPath = (environment['PATH'] ?? '')
    .split(delimiter)
    .filter((directory) => directory !== '')
    .map((directory) => join(directory, 'bicep'));
  const azure = environment['AZURE_CONFIG_DIR'] ?? join(homedir(), '.azure');
  return [...onPath, join(azure, 'bin', 'bicep'), join(homedir(), '.azd', 'bin', 'bicep')];
}

async function versionOf(path: string): Promise<string | undefined> {
  try {
    await access(path, constants.X_OK);
    const { stdout } = await runBicep(path, ['--version']);
    return /version (\d+\.\d+\.\d+)/u.exec(stdout)?.[1];
  } catch {
    return undefined;
  }
}

export function compareVersions(left: string, right: string): number {
  const [one, other] = [left, right].map((version) => version.split('.').map(Number));
  const differences = (one ?? []).map((part, index) => part - (other?.[index] ?? 0));
  return differences.find((difference) => difference !== 0) ?? 0;
}

/** Exactly this version, below node_modules/.cache. */
export async function restoreFromNuGet(version: string): Promise<BicepSearch> {
  const wanted = { name: `Azure.Bicep.CommandLine.${runtimeIdentifier()}`, version };
  const path = join(packageDirectory(cacheDirectory, wanted), 'tools', 'bicep');
  if ((await versionOf(path)) === version) return { kind: 'found', path };
  const restored = await restorePackage(cacheDirectory, wanted);
  return restored.kind === 'restored'
    ? { kind: 'found', path }
    : { kind: 'missing', reason: `No Bicep CLI on this machine, and ${restored.reason}` };
}

function runtimeIdentifier(): string {
  const system = process.platform === 'darwin' ? 'osx' : 'linux';
  return `${system}-${process.arch === 'arm64' ? 'arm64' : 'x64'}`;
}

if (import.meta.main) {
  const search = await findBicep();
  if (search.kind === 'missing') {
    console.error(search.reason);
    process.exitCode = 1;
  } else {
    const env = bicepEnvironment(process.env);
    const child = spawn(search.path, process.argv.slice(2), { env, stdio: 'inherit' });
    child.on('exit', (code) => {
      process.exitCode = code ?? 1;
    });
  }
}
