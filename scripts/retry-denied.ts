// Runs a command, and again while Azure denies it because a role has just been assigned. Used by the workflows.
// A new assignment takes effect after seconds or minutes, and azd does not wait for it:
// https://learn.microsoft.com/azure/role-based-access-control/troubleshooting#symptom---role-assignment-changes-are-not-being-detected
// https://github.com/Azure/azure-dev/issues/8026. Any other failure is final at once. Needs no dependency.

import { spawn } from 'node:child_process';

export interface Outcome {
  readonly code: number;
  /** What it printed, on both streams. */
  readonly output: string;
}

export interface RetryOptions {
  /** One more attempt after each: seven minutes in all. */
  readonly pausesMs?: readonly number[];
  readonly sleep?: (ms: number) => Promise<void>;
  readonly log?: (line: string) => void;
}

const denied =
  /\b403\b|AuthorizationFailed|AuthorizationPermissionMismatch|AuthorizationFailure|PrincipalNotFound|does not have (?:authorization|permission)/iu;

/** Resolves to the exit code of the last attempt. */
export async function retryDenied(run: () => Promise<Outcome>, options: RetryOptions = {}): Promise<number> {
  const { pausesMs = [60_000, 120_000, 240_000], log = () => {} } = options;
  const { sleep = async (ms: number) => new Promise((resolve) => void setTimeout(resolve, ms)) } = options;
  for (let attempt = 0; ; attempt += 1) {
    const { code, output } = await run();
    const pauseMs = pausesMs[attempt];
    const [why] = denied.exec(output) ?? [];
    if (code === 0 || why === undefined || pauseMs === undefined) return code;
    log(
      `Azure denied it (${why}), perhaps because a role is too new: once more in ${pauseMs / 60_000} minute(s).`,
    );
    await sleep(pauseMs);
  }
}

/** Runs a program; what it prints is passed on as it comes. */
async function runProgram(program: string, args: readonly string[]): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['inherit', 'pipe', 'pipe'] });
    let output = '';
    const passOn = (to: NodeJS.WritableStream) => (chunk: Buffer) => {
      output += chunk.toString();
      to.write(chunk);
    };
    child.stdout.on('data', passOn(process.stdout));
    child.stderr.on('data', passOn(process.stderr));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code: code ?? 1, output }));
  });
}

if (import.meta.main) {
  const [program, ...args] = process.argv.slice(2);
  if (program === undefined) {
    console.error('Usage: node scripts/retry-denied.ts PROGRAM [ARGUMENT ...]');
    process.exitCode = 2;
  } else {
    process.exitCode = await retryDenied(async () => runProgram(program, args), { log: console.error });
  }
}
