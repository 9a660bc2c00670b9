// The packaged app with its tier in memory, two instances of it: what a client sees of that.

import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually, sleep } from '../support/eventually.ts';
import { startLocalApp, type LocalApp } from '../support/local-app.ts';
import { heldApp } from '../support/openapi-contract.ts';
import { startControl } from '../support/timing.ts';

let app: LocalApp;
beforeAll(async () => {
  app = await startLocalApp({ memory: true, instances: 2, settings: { REQUEST_BUDGET_MS: '4000' } });
  app = await heldApp(app);
});
afterAll(async () => app?.stop());

const put = async (key: string, body: string): Promise<void> => {
  const { status } = await app.fetch(`/api/cache/${key}?ttl=3600`, { method: 'PUT', body });
  expect([201, 204]).toContain(status);
};

async function read(key: string): Promise<{ readonly said: string; readonly detail: string | undefined }> {
  const response = await app.fetch(`/api/cache/${key}`);
  const detail = /detail=([\w-]+)/u.exec(response.headers.get('cache-status') ?? '')?.[1];
  const body = await response.text();
  return { said: response.ok ? body : `${response.status}`, detail };
}

/** What Redis says of a change passes through this busy process, which plays Entra: within this, when it gets its turns. */
async function passedOn(): Promise<void> {
  using control = startControl(async () => {});
  for (let attempts = 0; attempts < 20; attempts += 1) {
    const fromMs = Date.now();
    await sleep(250);
    if (control.longestIn(fromMs, Date.now()) < 100) return;
  }
}

/** Resolves when both instances, which take turns, have answered from memory. */
async function untilInMemory(key: string): Promise<void> {
  await eventually(async () => {
    const reads = [await read(key), await read(key)];
    expect(new Set(reads.map(({ detail }) => detail))).toEqual(new Set(['memory']));
  });
}

it('what one instance wrote is what the other serves, though it had a copy', async () => {
  await put('shared', '0');
  await untilInMemory('shared');
  for (let count = 1; count <= 20; count += 1) {
    await put('shared', `${count}`);
    await passedOn();
    // The instances take turns.
    expect([(await read('shared')).said, (await read('shared')).said]).toEqual([`${count}`, `${count}`]);
    if (count % 5 === 0) await untilInMemory('shared');
  }
});

it('serves copies as stale while Redis is down, and what Redis has when it is back', async () => {
  await put('copied', 'before');
  await untilInMemory('copied');
  await app.stack.redis.kill();
  await eventually(async () =>
    expect(await read('copied')).toEqual({ said: 'before', detail: 'cache-unavailable' }),
  );
  expect((await read('not-copied')).said).toBe('503');
  await app.stack.redis.restart();
  // It has lost everything, and a copy does not outlive that.
  await eventually(async () => expect((await read('copied')).said).toBe('404'));
  // The instances come back one after the other.
  await eventually(async () => put('copied', 'after'));
  await eventually(async () => {
    expect([(await read('copied')).said, (await read('copied')).said]).toEqual(['after', 'after']);
  });
});
