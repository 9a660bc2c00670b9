// The packaged app with its tier in memory, two instances of it: what a client sees of that.

import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually, sleep } from '../support/eventually.ts';
import { startLocalApp, type LocalApp } from '../support/local-app.ts';

let app: LocalApp;
beforeAll(async () => {
  app = await startLocalApp({ memory: true, instances: 2 });
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

/** Resolves when both instances, which take turns, have answered from memory. */
async function untilInMemory(key: string): Promise<void> {
  await eventually(async () => {
    const reads = [await read(key), await read(key), await read(key), await read(key)];
    expect(new Set(reads.map(({ detail }) => detail))).toEqual(new Set(['memory']));
  }, 20_000);
}

it('what one instance wrote is what the other serves, though it had a copy', async () => {
  await put('shared', '0');
  await untilInMemory('shared');
  for (let count = 1; count <= 20; count += 1) {
    await put('shared', `${count}`);
    // What Redis says of the change passes through this busy process, which plays Entra.
    await sleep(250);
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
  await eventually(async () => expect((await read('copied')).said).toBe('404'), 10_000);
  // The instances come back one after the other.
  await eventually(async () => put('copied', 'after'));
  await eventually(async () => {
    expect([(await read('copied')).said, (await read('copied')).said]).toEqual(['after', 'after']);
  });
});
