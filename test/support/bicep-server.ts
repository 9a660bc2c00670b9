// One Bicep CLI that works out many deployments: it speaks JSON-RPC over its pipes, and is fast once it is warm.

import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { copyTemplate, type Prediction } from '../../scripts/infra-changes.ts';

export const subscriptionId = '00000000-0000-0000-0000-000000000000';

const inSubscription = { location: 'westeurope' };

export interface BicepServer {
  /** @param values parameters of the template, by name. */
  predict(template: string, values: Readonly<Record<string, unknown>>): Promise<Prediction>;
  /** @param environment what main.bicepparam reads: `DEPLOY_NETWORK` and the like. */
  predictDeployment(environment?: Readonly<Record<string, string>>): Promise<Prediction>;
  stop(): Promise<void>;
}

interface Answer {
  readonly id: number;
  readonly result?: { readonly snapshot: string };
  readonly error?: { readonly message: string };
}

/** @param change done to the copy of infra/ that is worked on. */
export async function startBicepServer(
  path: string,
  change?: (directory: string) => Promise<void>,
): Promise<BicepServer> {
  const directory = await mkdtemp(join(tmpdir(), 'bicep-server-'));
  await copyTemplate(directory);
  await change?.(join(directory, 'infra'));
  const env = { ...process.env, DOTNET_SYSTEM_GLOBALIZATION_INVARIANT: '1' };
  const child = spawn(path, ['jsonrpc', '--stdio'], { env, stdio: ['pipe', 'pipe', 'ignore'] });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const waiting = new Map<number, (answer: Answer) => void>();
  child.stdout.on(
    'data',
    messages((answer) => waiting.get(answer.id)?.(answer)),
  );
  let calls = 0;
  const call = async (method: string, params: unknown): Promise<Answer> => {
    calls += 1;
    const body = JSON.stringify({ jsonrpc: '2.0', id: calls, method, params });
    const answer = new Promise<Answer>((resolve, reject) => {
      waiting.set(calls, resolve);
      void ended.then(() => reject(new Error('the Bicep CLI ended')));
    });
    child.stdin.write(`Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
    return answer;
  };
  let files = 0;
  const snapshot = async (parameters: string, scope: object): Promise<Prediction> => {
    files += 1;
    const file = join(directory, 'infra', `case-${files}.bicepparam`);
    await writeFile(file, parameters);
    const metadata = { subscriptionId, ...scope };
    const { result, error } = await call('bicep/getSnapshot', { path: file, metadata, externalInputs: [] });
    if (result === undefined) throw new Error(error?.message ?? 'no answer');
    return JSON.parse(result.snapshot) as Prediction;
  };
  const main = await readFile(join(directory, 'infra', 'main.bicepparam'), 'utf8');
  return {
    predict: (template, values) =>
      snapshot(
        parameterFile(template, values),
        template === 'main.bicep' ? inSubscription : { resourceGroup: 'rg-app' },
      ),
    predictDeployment: (environment = {}) =>
      snapshot(
        withEnvironment(main, { AZURE_ENV_NAME: 'demo', AZURE_LOCATION: 'westeurope', ...environment }),
        inSubscription,
      ),
    async stop() {
      child.kill();
      await ended;
      await rm(directory, { recursive: true, force: true });
    },
  };
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
export function withEnvironment(text: string, environment: Readonly<Record<string, string>>): string {
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

/** Cuts a stream into its messages: https://microsoft.github.io/language-server-protocol/specifications/lsp/3.17/specification/#baseProtocol */
function messages(take: (answer: Answer) => void): (chunk: Buffer) => void {
  let rest = Buffer.alloc(0);
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    for (;;) {
      const start = rest.indexOf('\r\n\r\n') + 4;
      const length = Number(/Content-Length: (\d+)/iu.exec(rest.subarray(0, start).toString())?.[1]);
      if (start < 4 || rest.length < start + length) return;
      take(JSON.parse(rest.subarray(start, start + length).toString()) as Answer);
      rest = rest.subarray(start + length);
    }
  };
}
