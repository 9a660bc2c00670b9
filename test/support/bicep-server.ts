// One Bicep CLI for many questions: it speaks JSON-RPC over its pipes, and is fast once it is warm.

import { spawn } from 'node:child_process';
import type { Prediction } from '../../scripts/infra-changes.ts';

export interface Compilation {
  readonly success: boolean;
  /** What the compiler and the linter have to say. */
  readonly diagnostics: readonly Diagnostic[];
  /** The template as Azure Resource Manager takes it; of a file with errors, null. */
  readonly contents: string | null;
}

export interface Diagnostic {
  readonly source: string;
  readonly level: string;
  readonly code: string;
  readonly message: string;
}

/** What only Azure knows, told to a prediction. */
export interface Scope {
  readonly subscriptionId: string;
  readonly location?: string;
  readonly resourceGroup?: string;
}

export interface BicepServer {
  compile(path: string): Promise<Compilation>;
  /** Of a parameter file, with the template that it names. */
  compileParameters(path: string): Promise<Compilation>;
  /** The text of a file as the CLI formats it. */
  format(path: string): Promise<string>;
  /** @throws Error with what is wrong with the parameter file, or the template. */
  predict(parametersPath: string, scope: Scope): Promise<Prediction>;
  stop(): Promise<void>;
}

interface Answer {
  readonly id: number;
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: { readonly message: string };
}

/** What main.bicepparam demands; everything else has a default there. */
const demanded = { AZURE_ENV_NAME: 'demo', AZURE_LOCATION: 'westeurope' };

const runtime = {
  // Without ICU on the machine it starts in this mode only.
  DOTNET_SYSTEM_GLOBALIZATION_INVARIANT: '1',
  // Compiled well at once: 13 predictions cost 11 s of a core and not 22
  // (https://learn.microsoft.com/dotnet/core/runtime-config/compilation).
  DOTNET_TieredCompilation: '0',
};

export function startBicepServer(path: string): BicepServer {
  const env = { ...process.env, ...demanded, ...runtime };
  const child = spawn(path, ['jsonrpc', '--stdio'], { env, stdio: ['pipe', 'pipe', 'ignore'] });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const waiting = new Map<number, (answer: Answer) => void>();
  child.stdout.on(
    'data',
    messages((answer) => waiting.get(answer.id)?.(answer)),
  );
  let calls = 0;
  const call = async <T>(method: string, params: object): Promise<T> => {
    calls += 1;
    const body = JSON.stringify({ jsonrpc: '2.0', id: calls, method, params });
    const answer = new Promise<Answer>((resolve, reject) => {
      waiting.set(calls, resolve);
      void ended.then(() => reject(new Error('The Bicep CLI ended.')));
    });
    child.stdin.write(`Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
    const { result, error } = await answer;
    if (result === undefined) throw new Error(error?.message ?? `no answer to ${method}`);
    return result as T;
  };
  return {
    compile: (file) => call('bicep/compile', { path: file }),
    compileParameters: (file) => call('bicep/compileParams', { path: file, parameterOverrides: {} }),
    format: async (file) => (await call<{ contents: string }>('bicep/format', { path: file })).contents,
    async predict(file, metadata) {
      const params = { path: file, metadata, externalInputs: [] };
      const { snapshot } = await call<{ snapshot: string }>('bicep/getSnapshot', params);
      return JSON.parse(snapshot) as Prediction;
    },
    async stop() {
      child.kill();
      await ended;
    },
  };
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
