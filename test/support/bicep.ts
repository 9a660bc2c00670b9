// The Bicep CLI for tests: the real one, or a reason to skip. Used by the infrastructure tests.

import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { predict, type Prediction } from '../../scripts/infra-changes.ts';
import { findBicep, runBicep, type BicepRun } from '../../scripts/bicep.ts';
import { startBicepServer, type BicepServer } from './bicep-server.ts';

export const infraDirectory = join(import.meta.dirname, '../../infra');

export interface Bicep {
  build(file: string): Promise<BicepRun>;
  /** All files; the exit code is 0 when there are warnings only. */
  lint(): Promise<readonly BicepRun[]>;
  /** The files of infra/ that the CLI would format otherwise. */
  unformatted(): Promise<readonly string[]>;
  predict(environment?: Readonly<Record<string, string>>): Promise<Prediction>;
  /** The same as `npm run infra-changes` does it; two seconds for each. */
  predictByCommand(environment?: Readonly<Record<string, string>>): Promise<Prediction>;
  stop(): Promise<void>;
}

/** Without the CLI: why, for the name of a skipped test. */
export async function bicepOrReason(): Promise<Bicep | string> {
  const search = await findBicep();
  if (search.kind === 'missing') return search.reason;
  const { path } = search;
  let server: Promise<BicepServer> | undefined;
  const started = async (): Promise<BicepServer> => (server ??= startBicepServer(path));
  const linted = { ...process.env, AZURE_ENV_NAME: 'demo', AZURE_LOCATION: 'westeurope' };
  return {
    build: (file) => runBicep(path, ['build', file, '--stdout', '--no-restore']),
    lint: async () => [
      await runBicep(path, ['lint', '--pattern', `${infraDirectory}/**/*.bicep`, '--no-restore']),
      await runBicep(path, ['lint', join(infraDirectory, 'main.bicepparam'), '--no-restore'], linted),
    ],
    unformatted: () => unformatted(path),
    predict: async (environment) => (await started()).predictDeployment(environment),
    predictByCommand: (environment) => predict(path, environment),
    stop: async () => (await server)?.stop(),
  };
}

async function unformatted(path: string): Promise<readonly string[]> {
  const copy = await mkdtemp(join(tmpdir(), 'bicep-format-'));
  try {
    await cp(infraDirectory, copy, { recursive: true });
    const { exitCode, stderr } = await runBicep(path, ['format', '--pattern', `${copy}/**/*.bicep`]);
    if (exitCode !== 0) throw new Error(stderr);
    const names = await bicepFiles();
    const differs = await Promise.all(
      names.map(async (name) => {
        const texts = [infraDirectory, copy].map((directory) => readFile(join(directory, name), 'utf8'));
        const [before, after] = await Promise.all(texts);
        return before?.trimEnd() !== after?.trimEnd();
      }),
    );
    return names.filter((_, index) => differs[index]);
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}

/** Every Bicep file, below infra/. */
export async function bicepFiles(): Promise<readonly string[]> {
  const names = await readdir(infraDirectory, { recursive: true });
  return names.filter((name) => /\.bicep(?:param)?$/u.test(name)).toSorted();
}
