// The Chromium that is on this machine, for the tests of the fleet page and of the typed client.

import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import type { Browser } from 'playwright-core';

const programs = ['chromium', 'chromium-browser', 'google-chrome'];

const flags: readonly string[] = [
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

/** The title of what is skipped where there is no Chromium: it says so, and how to get one. */
export function titleInChromium(title: string): string {
  return findChromium() === undefined ? `${title} (skipped: ${howToGetIt})` : title;
}

const howToGetIt = 'no Chromium on PATH; Debian, Ubuntu: apt-get install chromium';

/** @throws Error that says how to get it where it is not there. */
export async function launchChromium(): Promise<Browser> {
  const executablePath = findChromium();
  if (executablePath === undefined) throw new Error(`There is ${howToGetIt}`);
  // Only for who has use for it: every run of the tests looks whether there is a Chromium.
  const { chromium } = await import('playwright-core');
  return chromium.launch({ executablePath, args: [...flags] });
}

/** Its first start on a machine reads 300 MB from disk and takes up to 20 s, which no test should have to allow for. */
export async function warmUpChromium(): Promise<void> {
  const path = findChromium();
  if (path === undefined) return;
  const profile = await mkdtemp(join(tmpdir(), 'chromium-'));
  try {
    const page = ['--headless', `--user-data-dir=${profile}`, '--dump-dom', 'about:blank'];
    // Where it does not start, the tests of the page say so.
    await promisify(execFile)(path, [...flags, ...page], { timeout: 60_000 }).catch(() => {});
  } finally {
    await rm(profile, { recursive: true, force: true, maxRetries: 3 });
  }
}
