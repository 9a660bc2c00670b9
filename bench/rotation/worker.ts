// One client under 200 reads a second in a process of its own: ours, @redis/entraid, or the published sample's
// pattern. Started by bench/rotation.ts. Knows the stack only by its environment, as an app does.

import { ManagedIdentityCredential } from '@azure/identity';
import { EntraIdCredentialsProviderFactory } from '@redis/entraid';
import { createClient } from 'redis';
import { startAuth } from '../../src/auth/auth.ts';
import { systemClock } from '../../src/util/clock.ts';
import { createRedis } from '../../src/redis/create.ts';
import { readSettings } from '../../src/config/settings.ts';
import { steadyReads } from '../../test/support/steady-reads.ts';

const budgetMs = 2000;
const settings = readSettings(process.env);
const socket = { host: settings.redis.hostname, port: settings.redis.port, tls: true } as const;

/** Connects and returns a read; a read that fails rejects. */
const contestants: Record<string, () => Promise<() => Promise<unknown>>> = {
  async ours() {
    const parts = { clock: systemClock, random: Math.random, emit: () => {} };
    const { keeper } = startAuth(
      { credential: settings.credential, scope: settings.entraScope, oidRequired: true },
      parts,
    );
    const redis = createRedis(settings.redis, {
      keeper,
      failFastAfterMs: budgetMs,
      instances: () => 1,
      ...parts,
    });
    redis.start();
    await redis.ping(Date.now() + 10_000);
    const call = { key: 'key', idempotent: true };
    return () => redis.run((client) => client.get('key'), { ...call, deadlineAtMs: Date.now() + budgetMs });
  },

  // As its README shows it: a refresh ratio and nothing else.
  async entraid() {
    const provider = EntraIdCredentialsProviderFactory.createForSystemAssignedManagedIdentity({
      clientId: 'system-assigned',
      tokenManagerConfig: { expirationRefreshRatio: 0.8 },
    });
    const client = createClient({ socket, credentialsProvider: provider });
    client.on('error', () => {});
    await client.connect();
    return () => client.get('key');
  },

  // "Handle Reauthentication" of azure-sdk-for-js: a token as a static password; after a failure, a new token
  // and a new client. What the sample lacks to survive at all (an error listener, one recovery at a time) is added.
  async sample() {
    const credential = new ManagedIdentityCredential();
    const connect = async () => {
      const { token } = await credential.getToken(settings.entraScope);
      const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as {
        oid: string;
      };
      const client = createClient({ socket, username: claims.oid, password: token });
      client.on('error', () => {});
      await client.connect();
      return client;
    };
    let client = await connect();
    let recovering: Promise<void> | undefined;
    const recover = async (): Promise<void> => {
      client.destroy();
      client = await connect();
    };
    return async () => {
      try {
        return await client.get('key');
      } catch (error) {
        recovering ??= recover().finally(() => {
          recovering = undefined;
        });
        recovering.catch(() => {});
        throw error;
      }
    };
  },
};

// The others may raise what nobody catches; a read that fails because of it is counted, the process goes on.
process.on('unhandledRejection', () => {});
process.on('disconnect', () => process.exit(0));

const runMs = Number(process.argv[3]);
const read = await contestants[process.argv[2] ?? '']?.();
if (read === undefined) throw new Error(`No such client: ${process.argv[2]}`);
process.send?.({ kind: 'ready' });
/** Whatever the client does, a caller does not wait longer than the budget. */
const bounded = async (): Promise<number> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error('late')), budgetMs);
  });
  try {
    return (await Promise.race([read(), late])) === 'value' ? 200 : 0;
  } finally {
    clearTimeout(timer);
  }
};
const reads = steadyReads(bounded, { perSecond: 200, limitMs: runMs });
await new Promise((resolve) => {
  setTimeout(resolve, runMs);
});
const outcomes = await reads.stop();
process.send?.({ kind: 'done', outcomes }, () => process.exit(0));
