// The Chromium that is on this machine, for the tests of the fleet page and of the typed client.

import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

const programs = ['chromium', 'chromium-browser', 'google-chrome'];

export const chromiumFlags: readonly string[] = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
];

export function findChromium(searchPath = process.env['PATH'] ?? ''): string | undefined {
  return searchPath
    .split(delimiter)
    .flatMap((directory) => programs.map((name) => join(directory, name)))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** Its first start on a machine reads 300 MB from disk and takes up to 20 s, which no test should have to allow for. */
export async function warmUpChromium(): Promise<void> {
  const path = findChromium();
  if (path === undefined) return;
  const profile = await mkdtemp(join(tmpdir(), 'chromium-'));
  try {
    const page = ['--headless', `--user-data-dir=${profile}`, '--dump-dom', 'about:blank'];
    // Where it does not start, the tests of the page say so.
    await promisify(execFile)(path, [...chromiumFlags, ...page], { timeout: 60_000 }).catch(() => {});
  } finally {
    await rm(profile, { recursive: true, force: true, maxRetries: 3 });
  }
}
