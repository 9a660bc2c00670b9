// As write-identity.test.ts has it, on a server in memory: without the real scripts, but in many more interleavings.

import { it } from 'vitest';
import { lockKeys } from '../../src/cache/lock-keys.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';
import { InMemoryLocks } from '../support/in-memory-locks.ts';
import { inMemoryRedis } from '../support/in-memory-redis.ts';
import { InMemoryConnection, InMemoryServer } from '../support/in-memory-server.ts';
import { InMemoryTier } from '../support/in-memory-tier.ts';
import { entryName, maxValueBytes, namespace } from '../support/stepped-server.ts';
import { expectWritesToStay } from '../support/expect-writes-to-stay.ts';

it('what a client wrote stays until a client changes it, and what a client removed does not come back', async () => {
  await expectWritesToStay(500, async () => {
    // Its clock stands: commands wait for their turn and no longer expire than the test says.
    const server = new InMemoryServer(new FakeClock());
    const connection = new InMemoryConnection(server);
    connection.hold();
    return {
      waiting: () => connection.held,
      async step(choice) {
        connection.step(choice);
        await settle();
      },
      async stored() {
        const stored = server.get(entryName);
        return Buffer.isBuffer(stored) ? stored : undefined;
      },
      async expireLock() {
        server.delete(lockKeys(namespace, { kind: 'load', name: entryName }).lock);
      },
      parts: (clock, budget) => ({
        tier: new InMemoryTier({ connection, budget, maxValueBytes, emit() {} }),
        locks: new InMemoryLocks(connection, clock, namespace),
        redis: inMemoryRedis(connection, maxValueBytes),
      }),
    };
  });
});
