// startAzureInABox() as somebody else's test uses it: with the package's own client, in the process of the test.

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startAzureInABox, type AzureInABox } from '../../local/exports/testing.ts';
import { createRedis, type Redis } from '../../src/exports/redis.ts';
import { eventually } from '../support/eventually.ts';

const tokenLifetimeMs = 6000;
let box: AzureInABox;
let redis: Redis;
const environment = { ...process.env };

beforeAll(async () => {
  box = await startAzureInABox({ tokenLifetimeMs });
  redis = createRedis({ ...box.client, timeoutMs: 10_000 });
});
afterEach(async () => {
  box?.cache.setBehaviour('normal');
  box?.identity.setBehaviour('normal');
});
afterAll(async () => {
  await redis?.close();
  await box?.stop();
});

const visits = (timeoutMs = 10_000): Promise<number> =>
  redis.run((client) => client.incr('visits'), { key: 'visits', timeoutMs });

describe('Azure in a box', () => {
  it('lets in whom it gave a token, and leaves the environment of the process alone', async () => {
    expect(await visits()).toBe(1);
    expect(await box.cache.command('GET', 'visits')).toBe('1');
    expect(process.env).toEqual(environment);
    expect(box.storage).toBeUndefined();
  });

  it('rotates tokens', async () => {
    const { requests } = box.identity;
    const { auths } = box.cache.stats;
    await eventually(() => {
      expect(box.identity.requests).toBeGreaterThan(requests);
      expect(box.cache.stats.auths).toBeGreaterThan(auths);
    });
    await visits();
  });

  it('gets into trouble when told, and out of it', async () => {
    box.cache.setBehaviour('stall');
    await expect(visits(1000)).rejects.toMatchObject({ code: 'deadline-exceeded' });
    box.cache.setBehaviour('normal');
    box.cache.cutConnections();
    await eventually(() => visits());
    await box.cache.restart();
    await eventually(async () => expect(await visits()).toBeGreaterThan(0));
  });

  it('has an endpoint that fails for others as well', async () => {
    const { credential } = box.client;
    box.identity.setBehaviour('fail');
    const asking = credential.getToken('https://redis.azure.com/.default');
    await expect(asking).rejects.toThrow('The identity endpoint answered 500.');
    box.identity.setBehaviour('hang');
    const over = new AbortController();
    const hanging = credential.getToken(['https://redis.azure.com/.default'], { abortSignal: over.signal });
    over.abort();
    await expect(hanging).rejects.toThrow('aborted');
  });

  it('is gone at the end of a block, with all that it started; and may be stopped twice', async () => {
    let port = 0;
    {
      await using another = await startAzureInABox();
      ({ port } = another.client);
      expect(port).not.toBe(box.client.port);
      await another.stop();
    }
    const late = createRedis({ ...box.client, port, timeoutMs: 300 });
    await expect(late.run((client) => client.get('k'), { key: 'k' })).rejects.toMatchObject({
      code: expect.stringMatching(/unavailable|deadline/u),
    });
    await late.close();
  });
});
