// Finds microsoft/garnet, or restores it from NuGet, and says how to run it. Needs .NET 10.
// Writes below node_modules/.cache and the system's temporary folder only.

import { execFile } from 'node:child_process';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { packageDirectory, quietDotnet, restorePackage } from '../../scripts/nuget-package.ts';

const garnetPackage = { name: 'garnet-server', version: '2.2.8' };
const cacheDirectory = join(import.meta.dirname, '..', '..', 'node_modules', '.cache', 'garnet');
const neededRuntime = 10;

/** A command and the parameters that come before Garnet's own. */
export type GarnetProgram = readonly [command: string, ...parameters: string[]];

/** @throws Error that says what is missing, and where to get it. */
export async function findGarnet(environment: NodeJS.ProcessEnv = process.env): Promise<GarnetProgram> {
  await checkRuntime(environment);
  const program = join(packageDirectory(cacheDirectory, garnetPackage), 'tools/net10.0/any/GarnetServer.dll');
  if (!(await exists(program))) {
    const restored = await restorePackage(cacheDirectory, garnetPackage);
    if (restored.kind === 'failed') throw new Error(restored.reason);
  }
  return ['dotnet', program];
}

async function checkRuntime(environment: NodeJS.ProcessEnv): Promise<void> {
  const remedy = `Garnet runs on .NET ${neededRuntime} or later, with its SDK: https://dotnet.microsoft.com/download`;
  const env = { ...environment, ...quietDotnet };
  let runtimes: string;
  try {
    ({ stdout: runtimes } = await promisify(execFile)('dotnet', ['--list-runtimes'], { env }));
  } catch (error) {
    throw new Error(`There is no dotnet on PATH. ${remedy}`, { cause: error });
  }
  const majors = [...runtimes.matchAll(/^Microsoft\.NETCore\.App (\d+)\./gmu)].map(([, major]) =>
    Number(major),
  );
  if (!majors.some((major) => major >= neededRuntime)) {
    throw new Error(`The dotnet on PATH has .NET ${majors.join(', ') || 'no runtime'} only. ${remedy}`);
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
