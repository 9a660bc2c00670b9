// The administrator's connection to a server that comes and goes.

import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { expect, it } from 'vitest';
import { AdminConnection } from '../../local/admin-connection.ts';
import { adminUser } from '../../local/redis-config.ts';
import { startRedisServer } from '../../local/redis-server.ts';

it('is opened anew for who joined an attempt that began before the server was back', async () => {
  const password = 'of-a-test';
  const redis = await startRedisServer({ password });
  const sockets: Socket[] = [];
  let accepted = 0;
  // Ends its first connection, as a server does that goes away, and hands on the next.
  const back = createServer((client) => {
    sockets.push(client.on('error', () => {}));
    accepted += 1;
    if (accepted === 1) {
      client.destroy();
      return;
    }
    const server = connect(redis.port, '127.0.0.1').on('error', () => {});
    sockets.push(server);
    client.pipe(server).pipe(client);
  }).listen(0, '127.0.0.1');
  try {
    await once(back, 'listening');
    const { port } = back.address() as AddressInfo;
    const admin = new AdminConnection({ host: '127.0.0.1', port, username: adminUser, password });
    const [first, second] = await Promise.allSettled([admin.send(['PING']), admin.send(['PING'])]);
    expect(first.status).toBe('rejected');
    expect(second).toEqual({ status: 'fulfilled', value: 'PONG' });
    admin.drop();
  } finally {
    for (const socket of sockets) socket.destroy();
    back.close();
    await redis.stop();
  }
});
