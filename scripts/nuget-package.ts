// Brings one package of NuGet into a folder, without installing or referencing it.

import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

export interface NuGetPackage {
  readonly name: string;
  readonly version: string;
}

export type Restored =
  /** Where the package's files are. */
  | { readonly kind: 'restored'; readonly directory: string }
  | { readonly kind: 'failed'; readonly reason: string };

/** What a .NET program is run with: no banner, nothing sent home. */
export const quietDotnet = { DOTNET_NOLOGO: '1', DOTNET_CLI_TELEMETRY_OPTOUT: '1' } as const;

/** Where `restorePackage` puts it. */
export function packageDirectory(cacheDirectory: string, { name, version }: NuGetPackage): string {
  return join(cacheDirectory, name.toLowerCase(), version);
}

/** Never throws: a machine without .NET, or without a way to NuGet, is told as what it is. */
export async function restorePackage(cacheDirectory: string, wanted: NuGetPackage): Promise<Restored> {
  const project = await mkdtemp(join(tmpdir(), 'restore-package-'));
  try {
    await writeFile(join(project, 'restore.csproj'), projectThatDownloads(wanted));
    await promisify(execFile)('dotnet', ['restore', project, '--packages', cacheDirectory], {
      // Slow lines take a while for 100 MB, but a restore that hangs must not hang the tests.
      timeout: 240_000,
      env: { ...process.env, ...quietDotnet },
    });
  } catch (error) {
    const { code, stdout } = error as { readonly code?: unknown; readonly stdout?: string };
    const said = stdout?.trim() ?? '';
    const why = code === 'ENOENT' ? 'there is no dotnet on PATH' : said || String(error);
    return { kind: 'failed', reason: `NuGet's ${wanted.name} could not be restored: ${why}` };
  } finally {
    await rm(project, { recursive: true, force: true });
  }
  return { kind: 'restored', directory: packageDirectory(cacheDirectory, wanted) };
}

// PackageDownload fetches without referencing: https://learn.microsoft.com/nuget/consume-packages/packagedownload-functionality
function projectThatDownloads({ name, version }: NuGetPackage): string {
  return `<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup>
    <TargetFramework>netstandard2.0</TargetFramework>
    <DisableImplicitFrameworkReferences>true</DisableImplicitFrameworkReferences>
  </PropertyGroup>
  <ItemGroup>
    <PackageDownload Include="${name}" Version="[${version}]" />
  </ItemGroup>
</Project>
`;
}
