// What the deploying pipelines run beside azd.

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { deployParameters } from '../../../scripts/deploy-parameters.ts';
import { retryDenied, type Outcome } from '../../../scripts/retry-denied.ts';

const scripts = join(import.meta.dirname, '../../../scripts');

describe('a command that Azure denies', () => {
  /** Runs through the outcomes; what was waited for in between, and the exit code. */
  async function through(...outcomes: readonly Outcome[]): Promise<{ code: number; pausesMs: number[] }> {
    const pausesMs: number[] = [];
    const left = [...outcomes];
    const code = await retryDenied(
      async () => {
        const outcome = left.shift();
        if (outcome === undefined) throw new Error('It was run too often.');
        return outcome;
      },
      { sleep: async (ms) => void pausesMs.push(ms) },
    );
    expect(left).toEqual([]);
    return { code, pausesMs };
  }
  const denied = {
    code: 1,
    output: 'ERROR: deployment failed: RESPONSE 403: 403 Forbidden\nAuthorizationFailed',
  };
  const done = { code: 0, output: 'SUCCESS' };

  it('is run again, more and more patiently', async () => {
    expect(await through(denied, denied, done)).toEqual({ code: 0, pausesMs: [60_000, 120_000] });
  });

  it('is given up after seven minutes', async () => {
    expect(await through(denied, denied, denied, denied)).toEqual({
      code: 1,
      pausesMs: [60_000, 120_000, 240_000],
    });
  });

  it('is not run again when it was done, or failed for another reason', async () => {
    expect(await through({ ...done, output: '403' })).toEqual({ code: 0, pausesMs: [] });
    const template = { code: 7, output: 'InvalidTemplate: Deployment template validation failed' };
    expect(await through(template)).toEqual({ code: 7, pausesMs: [] });
    expect(await through(denied, template)).toEqual({ code: 7, pausesMs: [60_000] });
  });

  it('shows what it prints, and ends as it does', async () => {
    const script = 'console.log("out"); console.error("err"); process.exitCode = 3';
    const running = promisify(execFile)(process.execPath, [
      join(scripts, 'retry-denied.ts'),
      process.execPath,
      '-e',
      script,
    ]);
    await expect(running).rejects.toMatchObject({ code: 3, stdout: 'out\n', stderr: 'err\n' });
  });
});

describe('the parameters among the variables of a pipeline', () => {
  it('are those that are called so', () => {
    expect(
      deployParameters({ DEPLOY_NETWORK: 'private', AZURE_LOCATION: 'westeurope', NODE_OPTIONS: '--x' }),
    ).toEqual(['DEPLOY_NETWORK=private']);
  });

  it('are one line each, so that none can set another', () => {
    const variables = { DEPLOY_APP_SETTINGS: '{\n  "CACHE_WRITES": "disabled"\n}\nNODE_OPTIONS=--x\r\n' };
    expect(deployParameters(variables)).toEqual([
      'DEPLOY_APP_SETTINGS={ "CACHE_WRITES": "disabled" } NODE_OPTIONS=--x',
    ]);
  });

  it('are the same whether azd pipeline config or somebody set them', () => {
    const [settings, url] = ['{"CACHE_WRITES":"disabled"}', 'https://example.com/{key}?a=1&b=2'];
    const byHand = deployParameters({ DEPLOY_APP_SETTINGS: settings, DEPLOY_ORIGIN_URL_TEMPLATE: url });
    // As Go's json.Marshal writes them.
    const byAzd = deployParameters({
      DEPLOY_APP_SETTINGS: String.raw`{\"CACHE_WRITES\":\"disabled\"}`,
      DEPLOY_ORIGIN_URL_TEMPLATE: String.raw`https://example.com/{key}?a=1\u0026b=2`,
    });
    expect(byAzd).toEqual(byHand);
    expect(byHand).toEqual([`DEPLOY_APP_SETTINGS=${settings}`, `DEPLOY_ORIGIN_URL_TEMPLATE=${url}`]);
  });

  it('are read from VARIABLES', async () => {
    const env = { ...process.env, VARIABLES: '{"DEPLOY_CACHE":"existing","OTHER":"x"}' };
    const { stdout } = await promisify(execFile)(process.execPath, [join(scripts, 'deploy-parameters.ts')], {
      env,
    });
    expect(stdout).toBe('DEPLOY_CACHE=existing\n');
  });
});
