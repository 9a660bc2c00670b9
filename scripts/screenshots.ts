// `npm run screenshots`: makes the pictures of the fleet page in the documents, light and dark, with the packaged app over
// the local parts, a Chromium that is on this machine, and a fleet of some instances that had a busy hour.

import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { runCommand, step } from '../local/commands/lifecycle.ts';
import { startHost } from '../local/functions-host/host.ts';
import { startStack } from '../local/stack.ts';
import { launchChromium } from '../test/support/chromium.ts';
import { showFleet } from '../test/support/shown-fleet.ts';
import { packageApp } from './package.ts';

const root = join(import.meta.dirname, '..');
const pictures = [
  { path: 'docs/fleet-page.png', colorScheme: 'light' },
  { path: 'docs/fleet-page-dark.png', colorScheme: 'dark' },
] as const;
const viewport = { width: 1280, height: 960 };
const instances = 5;
/** A repository keeps every version of a picture for good. */
const maxKibibytes = 150;

await runCommand(async (lifecycle) => {
  // First: without one the rest would be in vain.
  const browser = await launchChromium();
  lifecycle.add('the browser', { stop: () => browser.close() });
  const outDirectory = await mkdtemp(join(tmpdir(), 'screenshots-'));
  lifecycle.add('the temporary folder', {
    stop: async () => rm(outDirectory, { recursive: true, force: true, maxRetries: 3 }),
  });
  const { appDirectory } = await step('Packaging the app', () => packageApp({ outDirectory }));
  const stack = await step('Starting the local parts', async () =>
    lifecycle.add('the local parts', await startStack({ storage: false })),
  );
  const host = await step('Starting the Functions host', async () =>
    lifecycle.add(
      'the Functions host',
      await startHost({ appDirectory, settings: stack.settings, timers: false }),
    ),
  );
  // Then it reports no more, since no timer calls the roll, and the fleet is what is put there.
  await step('Waiting until it has entered its fleet', async () => {
    const size = async (): Promise<number> => {
      const answer = await fetch(`${host.url}/api/fleet`);
      return answer.ok ? ((await answer.json()) as { instances: unknown[] }).instances.length : 0;
    };
    while ((await size()) === 0) await sleep(100);
  });
  await showFleet(stack.redis, instances);
  for (const { path, colorScheme } of pictures) {
    await step(`Making ${path}`, async () => {
      const page = await browser.newPage({ viewport, colorScheme, locale: 'en-GB', timezoneId: 'UTC' });
      await page.goto(`${host.url}/api/fleet`);
      await page.locator('#main:not([hidden])').waitFor();
      await page.screenshot({ path: join(root, path) });
      const kibibytes = (await stat(join(root, path))).size / 1024;
      if (kibibytes > maxKibibytes)
        throw new Error(`${path} has ${kibibytes.toFixed(0)} KiB, more than ${maxKibibytes}.`);
    });
  }
});
