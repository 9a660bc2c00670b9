// Runs az, and says why it gave no answer. Needs no dependency.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** Runs `az` and reads its JSON; null where it prints nothing. */
export type Az = (args: readonly string[]) => Promise<unknown>;

export async function runAz(args: readonly string[]): Promise<unknown> {
  const { stdout } = await promisify(execFile)('az', [...args, '--output', 'json'], { timeout: 120_000 });
  return stdout.trim() === '' ? null : JSON.parse(stdout);
}

/** Not installed, not signed in, or what it says itself. */
export function whyAzFailed(error: unknown): string {
  const { code, stderr, message } = error as { code?: unknown; stderr?: string; message?: string };
  if (code === 'ENOENT') return 'az is not installed.';
  return stderr?.trim() || message || String(error);
}
