// Runs a folder that a zip was unpacked to in the local Functions host, on the local parts, and asks it something.

import { startHost } from '../../local/functions-host/host.ts';
import { startStack } from '../../local/stack.ts';
import { smokeTest } from '../smoke-test.ts';

type Stoppable = { stop(): Promise<void> };

/** @param keep is given what has to be stopped at the end, also when this fails */
export async function tryOut(
  appDirectory: string,
  keep: <T extends Stoppable>(name: string, part: T) => T,
): Promise<void> {
  const stack = keep('the local parts', await startStack({ storage: false, tokenLifetimeMs: 600_000 }));
  const host = keep(
    'the Functions host',
    await startHost({ appDirectory, settings: stack.settings, timers: false }),
  );
  await smokeTest(host.url, { keysAsked: false, limitMs: 30_000, pauseMs: 50 });
  const entry = new URL('/api/cache/azd-rehearsal', host.url);
  await expectStatus(await fetch(entry, { method: 'PUT', body: 'hello' }), 201);
  const text = await expectStatus(await fetch(entry), 200);
  if (text !== 'hello') throw new Error(`GET ${entry.pathname} answered ${JSON.stringify(text)}.`);
}

async function expectStatus(response: Response, status: number): Promise<string> {
  const text = await response.text();
  if (response.status === status) return text;
  throw new Error(`${response.url} answered ${response.status} and not ${status}: ${text}`);
}
