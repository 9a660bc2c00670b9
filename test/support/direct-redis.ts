// The Redis port over one connection to a real server, without tokens and reconnects.

import { adminUser } from '../../local/redis-config.ts';
import type { RedisServer } from '../../local/redis-server.ts';
import { takeInReplies } from '../../src/redis/command-replies.ts';
import { newRedisClient } from '../../src/redis/new-client.ts';
import type { Redis, RedisClient } from '../../src/redis/redis.ts';

export interface DirectRedis extends AsyncDisposable {
  readonly port: Redis;
}

export async function connectDirectly(server: RedisServer, password: string): Promise<DirectRedis> {
  const socket = { port: server.port, host: '127.0.0.1' };
  const client: RedisClient = newRedisClient({ socket, username: adminUser, password });
  takeInReplies(client, undefined);
  await client.connect();
  const run: Redis['run'] = async (work) => work(client);
  const runMany: Redis['runMany'] = async (keys, work) =>
    (await work(client, keys)).map((value) => ({ ok: true, value }));
  const parts: Pick<Redis, 'run' | 'runMany'> = { run, runMany };
  return {
    // Nothing that is tested so subscribes, pings or closes.
    port: parts as unknown as Redis,
    async [Symbol.asyncDispose]() {
      await (client as unknown as { close(): Promise<void> }).close();
    },
  };
}
