// The public types of each module of the package, in one file each, and a report of them. Used by scripts/library.ts.

import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  CompilerState,
  Extractor,
  ExtractorConfig,
  ExtractorLogLevel,
  type IExtractorConfigPrepareOptions,
} from '@microsoft/api-extractor';
import type { Entry } from './entries.ts';

export interface Declarations {
  /** By the name of the entry: what its `.d.ts` and `.d.cts` say. */
  readonly types: ReadonlyMap<string, string>;
  /** By the name of the entry: its public surface without comments, and what it is made of, for a person to compare. */
  readonly reports: ReadonlyMap<string, string>;
}

/** @throws Error with what the compiler says, where a source does not compile for Node.js 20. */
export async function declarations(root: string, entries: readonly Entry[]): Promise<Declarations> {
  // Inside of the clone: there the types of dependencies are found.
  const parent = join(root, 'out');
  await mkdir(parent, { recursive: true });
  const directory = await mkdtemp(join(parent, 'declarations-'));
  try {
    await compile(root, directory);
    return await rollUp(root, directory, entries);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function compile(root: string, directory: string): Promise<void> {
  const tsc = join(root, 'node_modules/.bin/tsc');
  const args = ['-p', join(root, 'tsconfig.library.json'), '--outDir', directory];
  try {
    await promisify(execFile)(tsc, args, { cwd: root });
  } catch (error) {
    throw new Error(`The package does not compile:\n${(error as { stdout?: string }).stdout}`, {
      cause: error,
    });
  }
}

async function rollUp(root: string, directory: string, entries: readonly Entry[]): Promise<Declarations> {
  const types = new Map<string, string>();
  const reports = new Map<string, string>();
  const files = entries.map(({ source }) => join(directory, source.replace(/\.ts$/u, '.d.ts')));
  let compilerState: CompilerState | undefined;
  for (const [index, { name }] of entries.entries()) {
    const config = ExtractorConfig.prepare(configOf(root, directory, name, files[index] ?? '', files));
    // The types of dependencies are read once for all entries.
    compilerState ??= CompilerState.create(config, { additionalEntryPoints: files });
    Extractor.invoke(config, {
      compilerState,
      // What matters is in the report.
      messageCallback: (message) => {
        message.handled = true;
      },
    });
    types.set(name, await readFile(join(directory, `${name}.rolled-up.d.ts`), 'utf8'));
    reports.set(name, await readFile(join(directory, `${name}.api.md`), 'utf8'));
  }
  return { types, reports };
}

function configOf(
  root: string,
  directory: string,
  name: string,
  file: string,
  files: readonly string[],
): IExtractorConfigPrepareOptions {
  return {
    configObjectFullPath: join(root, 'api-extractor.json'),
    packageJsonFullPath: join(root, 'package.json'),
    configObject: {
      projectFolder: root,
      mainEntryPointFilePath: file,
      newlineKind: 'lf',
      compiler: { overrideTsconfig: { compilerOptions, files } },
      apiReport: {
        enabled: true,
        reportFileName: `${name}.api.md`,
        includeForgottenExports: true,
        // Nothing is there, so that a report is always written to the other folder.
        reportFolder: join(directory, 'none'),
        reportTempFolder: directory,
      },
      docModel: { enabled: false },
      tsdocMetadata: { enabled: false },
      dtsRollup: { enabled: true, untrimmedFilePath: join(directory, `${name}.rolled-up.d.ts`) },
      messages: {
        extractorMessageReporting: { default: { logLevel: ExtractorLogLevel.None } },
        tsdocMessageReporting: { default: { logLevel: ExtractorLogLevel.None } },
      },
    },
  };
}

const compilerOptions = {
  lib: ['es2023', 'es2024.string'],
  target: 'es2022',
  module: 'nodenext',
  moduleResolution: 'nodenext',
  types: ['node'],
  strict: true,
  exactOptionalPropertyTypes: true,
  skipLibCheck: true,
};
