// startAzureInABox() as somebody else's test uses it: with the package's own client, in the process of the test.

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startAzureInABox, type AzureInABox } from '../../local/exports/testing.ts';
import { entraCallers } from '../../src/exports/callers.ts';
import type { Callers } from '../../src/exports/callers-api.ts';
import { createRedis, type Redis } from '../../src/exports/redis.ts';
import { callHandler, problemCode } from '../support/call-handler.ts';
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
  box?.callers.setBehaviour('normal');
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

  it('has callers with the roles that a test asks for, whom an app lets in, and a tenant that fails', async () => {
    const asks = (callers: Callers, role = 'Greetings.Read') => {
      const handler = callers.authenticated(
        (_request, _context, { objectId, roles }) => ({ body: `${objectId} ${roles.join()}` }),
        { roles: [role] },
      );
      return async (token: string) => {
        const answer = await callHandler(handler, { headers: { authorization: `Bearer ${token}` } });
        return (answer.status ?? 200) < 400 ? answer.body : problemCode(answer);
      };
    };
    using callers = entraCallers({ ...box.callers.options });
    const ask = asks(callers);
    const ofAda = { roles: ['Greetings.Read', 'More'], user: true, objectId: 'ada', lifetimeMs: 60_000 };
    expect(await ask(await box.callers.token(ofAda))).toBe('ada Greetings.Read,More');
    expect(await ask(await box.callers.token({ roles: ['Greetings.Read'] }))).toMatch(/^\S{36} Greet/u);
    expect(await ask(await box.callers.token())).toBe('forbidden');
    expect(await ask('a.b.c')).toBe('unauthenticated');
    const { token } = await box.client.credential.getToken(box.callers.scope);
    expect(await asks(callers, 'Cache.Purge')(token)).toContain('Cache.Read,Cache.Write');
    box.callers.setBehaviour('fail');
    using cold = entraCallers({ ...box.callers.options });
    expect(await asks(cold)(token)).toBe('authority-unavailable');
    expect(await asks(callers, 'Cache.Purge')(token)).toContain('Cache.Purge');
    expect(box.callers.settings).toMatchObject({
      HTTP_AUTH: 'entra',
      HTTP_ENTRA_TENANT_ID: expect.any(String),
    });
    await expect(box.callers.token({ role: 'More', roles: 'More' } as never)).rejects.toThrow(
      /roles: expected .*\n.*role is no option/u,
    );
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
