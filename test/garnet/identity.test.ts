// Who Garnet lets in: this app with this token or nobody, told so that an operator knows what to do.

import { afterAll, beforeAll, expect, it } from 'vitest';
import { startGarnetStack, type GarnetStack } from '../../local/garnet/stack.ts';
import { storageAudience, systemAssigned, userAssigned } from '../../local/token-issuer.ts';
import { eventually } from '../support/eventually.ts';
import { startGarnetApp, type GarnetApp } from '../support/garnet-app.ts';
import { leakedPart } from '../support/scenario.ts';

let stack: GarnetStack;

beforeAll(async () => {
  stack = await startGarnetStack(600_000);
});
afterAll(async () => stack?.stop());

const startRejected = (settings: Record<string, string>): Promise<GarnetApp> =>
  startGarnetApp({ stack, untilReady: false, settings: { REQUEST_BUDGET_MS: '500', ...settings } });

const logged = ({ host }: GarnetApp): string =>
  host
    .logs()
    .map(({ message }) => message)
    .join('\n');

it.each([
  ['for another audience', systemAssigned.objectId, { REDIS_ENTRA_SCOPE: `${storageAudience}/.default` }],
  ['of an identity that is no user', userAssigned.objectId, { AZURE_CLIENT_ID: userAssigned.clientId }],
  [
    'of another identity than the user name says',
    systemAssigned.objectId,
    { AZURE_CLIENT_ID: userAssigned.clientId, REDIS_USERNAME: systemAssigned.objectId },
  ],
])(
  'a token %s: 503, never a miss, and the log says whom to give access',
  async (_which, username, settings) => {
    await using app = await startRejected(settings);
    await eventually(() => expect(logged(app)).toContain('connectionFailed'));
    const read = await app.fetch('/api/cache/key');
    expect(read.status).toBe(503);
    expect(await read.json()).toMatchObject({ code: 'cache-unavailable' });
    expect((await app.fetch('/api/health/ready')).status).toBe(503);
    expect(logged(app)).toContain('redis-rejected-identity');
    expect(logged(app)).toContain(username);
    expect(leakedPart(logged(app), stack.issuer.issued)).toBeUndefined();
  },
);

it('an identity that is made a user is let in without a restart of the app', async () => {
  await using app = await startRejected({ AZURE_CLIENT_ID: userAssigned.clientId });
  await eventually(() => expect(logged(app)).toContain('connectionFailed'));
  await stack.redis.admin('ACL', 'SETUSER', userAssigned.objectId, 'on', '~*', '+@all');
  await eventually(async () => expect((await app.fetch('/api/health/ready')).status).toBe(200));
  expect((await app.fetch('/api/cache/key', { method: 'PUT', body: 'value' })).status).toBe(201);
});
