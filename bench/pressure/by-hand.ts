// The function that one would write by hand: one client, GET, and a batch of GETs. Bundled by apps.ts.
// It bounds nothing.

import { app } from '@azure/functions';
import { ManagedIdentityCredential } from '@azure/identity';
import { createClient } from 'redis';

const connecting = connect();

async function connect(): Promise<{ get(key: string): Promise<string | null> }> {
  const { token } = await new ManagedIdentityCredential().getToken('https://redis.azure.com/.default');
  const [, claims = ''] = token.split('.');
  const { oid } = JSON.parse(Buffer.from(claims, 'base64url').toString()) as { oid: string };
  const client = createClient({
    socket: { host: process.env['REDIS_HOSTNAME'] ?? '', port: Number(process.env['REDIS_PORT']), tls: true },
    username: oid,
    password: token,
  });
  client.on('error', () => {});
  await client.connect();
  return client;
}

app.http('readCache', {
  methods: ['GET'],
  route: 'cache/{*key}',
  authLevel: 'function',
  handler: async (request) => {
    const value = await (await connecting).get(request.params['key'] ?? '');
    return value === null ? { status: 404 } : { body: value };
  },
});

app.http('readBatch', {
  methods: ['POST'],
  route: 'batch',
  authLevel: 'function',
  handler: async (request) => {
    const client = await connecting;
    const { keys } = (await request.json()) as { keys: string[] };
    return { jsonBody: { results: await Promise.all(keys.map(async (key) => client.get(key))) } };
  },
});
