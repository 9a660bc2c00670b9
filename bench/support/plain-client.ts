// A client as one would write it by hand: a token as the password, once. It renews nothing. Bundled into apps.

import { ManagedIdentityCredential } from '@azure/identity';
import { createClient } from 'redis';

export async function connectPlainClient(): Promise<{ get(key: string): Promise<string | null> }> {
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
