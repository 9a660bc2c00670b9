// startAzureInABox() with what is asked for: a cluster, blob storage; and where a part is missing.

import { mkdtempDisposable, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { startAzureInABox } from '../../local/exports/testing.ts';
import { createCache } from '../../src/exports/cache.ts';
import { createRedis } from '../../src/exports/redis.ts';

describe('a box with everything', () => {
  it('has a cluster, and blobs that a cache finds with the credential of the box', async () => {
    await using box = await startAzureInABox({ cluster: true, storage: true });
    await using redis = createRedis({ ...box.client, timeoutMs: 20_000 });
    const keys = ['a', 'b', 'c', 'd'];
    for (const key of keys) await redis.run((client) => client.set(key, key), { key });
    const outcomes = await redis.runMany(keys, (client, own) =>
      Promise.all(own.map((key) => client.get(key))),
    );
    expect(outcomes.map((outcome) => outcome.ok && outcome.value)).toEqual(keys);
    expect(redis.status().connections).toBeGreaterThan(1);
    await box.storage?.createContainer('things');
    await box.storage?.putBlob('things', 'one', '{"a":1}', 'application/json');
    // As docs/package/testing.md says: an origin is asked by `fetch`, which trusts what the process does.
    setDefaultCACertificates([...getCACertificates(), box.client.ca]);
    const blobContainerUrl = `${box.storage?.blobUrl}/things`;
    const cache = createCache({ redis, namespace: 'blobs', origin: { blobContainerUrl }, timeoutMs: 20_000 });
    const found = await cache.get('one');
    expect(found, JSON.stringify(found)).toMatchObject({ kind: 'hit', value: { a: 1 } });
  });
});

describe('a box that cannot be started', () => {
  it('says what is missing, and leaves nothing behind', async () => {
    const { PATH, TMPDIR } = process.env;
    await using own = await mkdtempDisposable(join(tmpdir(), 'box-'));
    Object.assign(process.env, { PATH: '/nonexistent', TMPDIR: own.path });
    try {
      const starting = startAzureInABox({ cluster: true, storage: true });
      await expect(starting).rejects.toThrow('Neither redis-server nor valkey-server');
    } finally {
      process.env['PATH'] = PATH;
      if (TMPDIR === undefined) delete process.env['TMPDIR'];
      else process.env['TMPDIR'] = TMPDIR;
    }
    expect(await readdir(own.path)).toEqual([]);
  });

  it('names every option that is wrong', async () => {
    const wrong = { tokenLifetimeMs: 10, clusters: true, storage: 1 };
    const starting = startAzureInABox(wrong as never);
    await expect(starting).rejects.toMatchObject({ code: 'options-invalid' });
    await expect(starting).rejects.toThrow(/tokenLifetimeMs[^]*storage[^]*clusters is no option/u);
  });
});
