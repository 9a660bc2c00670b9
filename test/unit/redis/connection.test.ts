import { beforeEach, describe, expect, it } from 'vitest';
import { Connection } from '../../../src/redis/connection.ts';
import type { ConnectionOptions, RedisClient } from '../../../src/redis/handshake.ts';
import type { AppError } from '../../../src/util/errors.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';
import { ScriptedServer } from '../../support/scripted-server.ts';
import { testOid, tokenOf } from '../../support/tokens.ts';

const options: ConnectionOptions = {
  hostname: 'cache',
  port: 10_000,
  tls: false,
  username: undefined,
  connectTimeoutMs: 5000,
  pingAfterMs: 60_000,
};

let clock: FakeClock;
let server: ScriptedServer;
let lost: string[];
let blocked: number;
let connection: Connection;

beforeEach(async () => {
  clock = new FakeClock();
  server = new ScriptedServer();
  lost = [];
  blocked = 0;
  const token = tokenOf(clock.nowMs(), 3_600_000);
  connection = await Connection.open({
    id: 1,
    options,
    clock,
    token: () => Promise.resolve(token),
    shakeHands: server.shakeHands,
    onLost: ({ message }) => lost.push(message),
    onBlocked: () => (blocked += 1),
  });
});

/** How a read ends, in the end. */
function get(key: string, inMs = 2000, idempotent = true): { outcome: unknown } {
  const result: { outcome: unknown } = { outcome: undefined };
  const call = { deadlineAtMs: clock.nowMs() + inMs, idempotent };
  connection
    .run((client) => client.get(key), call)
    .then(
      (value) => (result.outcome = value),
      (error: unknown) => (result.outcome = error),
    );
  return result;
}

const held = (): void => void (server.answer = () => 'later');

describe('a command', () => {
  it('is answered, and sets no timer of its own', async () => {
    server.answer = ([, key]) => ({ value: `value of ${key}` });
    const timers = clock.pendingTimers;
    const reads = Array.from({ length: 50 }, (_, index) => get(`${index}`));
    expect(clock.pendingTimers - timers).toBe(1);
    await settle();
    expect(reads.map(({ outcome }) => outcome)).toEqual(reads.map((_, index) => `value of ${index}`));
  });

  it('fails at its deadline, never before and at most 25 ms after', async () => {
    held();
    const read = get('a', 333);
    await clock.advance(332);
    expect(read.outcome).toBeUndefined();
    await clock.advance(26);
    expect(read.outcome).toMatchObject({ code: 'deadline-exceeded' });
  });

  it('that is answered with an error fails with what that means', async () => {
    server.answer = () => ({ error: 'WRONGTYPE Operation against a key' });
    const read = get('a');
    await settle();
    expect(read.outcome).toMatchObject({ code: 'wrong-type', reply: { kind: 'wrong-type' } });
    expect(connection.isLive).toBe(true);
  });

  it("with a bug in the caller's own function fails with that", async () => {
    const buggy = (): Promise<never> => {
      throw new TypeError('a bug');
    };
    await expect(connection.run(buggy, { deadlineAtMs: clock.nowMs() + 10 })).rejects.toThrow('a bug');
    await expect(
      connection.run(() => Promise.reject(new TypeError('later')), { deadlineAtMs: clock.nowMs() + 10 }),
    ).rejects.toThrow('later');
  });

  it('that was given up may be answered later: nobody hears of it', async () => {
    held();
    const read = get('a', 100);
    await clock.advance(200);
    server.last.bytesRead += 10;
    server.last.pending[0]?.answer('late');
    await clock.advance(5000);
    expect(read.outcome).toMatchObject({ code: 'deadline-exceeded' });
    expect([lost, blocked]).toEqual([[], 0]);
  });
});

describe('a loss', () => {
  it('fails what was under way, which may be its cause, and is told once', async () => {
    held();
    const read = get('a');
    server.last.cut();
    server.last.cut();
    await settle();
    expect(read.outcome).toMatchObject({ code: 'connection-lost', isSuspect: true });
    expect(lost).toEqual(['The connection to Redis was lost: connection ended: cut']);
    expect(connection.isLive).toBe(false);
  });

  it('fails what comes after it', async () => {
    server.last.cut();
    const read = get('a');
    await settle();
    expect(read.outcome).toMatchObject({ code: 'connection-lost' });
  });

  it('is found where no byte comes for 1.5 s, and what was sent long after the last reply is no cause', async () => {
    await clock.advance(1000);
    held();
    const reads = [get('a', 500), get('b', 5000)];
    await clock.advance(1600);
    expect(lost).toEqual([expect.stringContaining('nothing was answered for 15')]);
    expect(reads[0]?.outcome).toMatchObject({ code: 'deadline-exceeded' });
    expect(reads[1]?.outcome).toMatchObject({ code: 'connection-lost', isSuspect: false });
  });

  it('is none while bytes come; replies that all come too late block the connection instead', async () => {
    held();
    get('a', 100);
    for (let passedMs = 0; passedMs < 2000; passedMs += 50) {
      server.last.bytesRead += 1000;
      await clock.advance(50);
    }
    expect(lost).toEqual([]);
    expect(blocked).toBeGreaterThan(0);
    expect(connection.isBlocked).toBe(true);
  });
});

describe('an end', () => {
  it('waits for replies that somebody waits for', async () => {
    held();
    const read = get('a');
    const closed = connection.close(5000);
    await clock.advance(100);
    expect(server.last.isReady).toBe(true);
    server.last.pending[0]?.answer('value');
    await closed;
    expect(read.outcome).toBe('value');
    expect(server.last.isReady).toBe(false);
    expect(lost).toEqual([]);
  });

  it('waits no longer than it was given', async () => {
    held();
    const read = get('a', 10_000);
    const closed = connection.close(300);
    await clock.advance(300);
    await closed;
    await settle();
    expect(read.outcome).toMatchObject({ code: 'connection-lost', isSuspect: false });
    expect(clock.pendingTimers).toBeLessThanOrEqual(1);
  });

  it('waits no longer than for the last deadline', async () => {
    held();
    get('a', 100);
    const closed = connection.close(5000);
    await clock.advance(150);
    await closed;
    expect(server.last.isReady).toBe(false);
  });

  it('that leaves the connection fails at once what may be run elsewhere, and waits for the rest', async () => {
    held();
    const read = get('a');
    const write = get('b', 2000, false);
    const left = connection.leave(5000);
    await settle();
    expect(read.outcome).toMatchObject({ code: 'connection-lost', isSuspect: false });
    expect(write.outcome).toBeUndefined();
    server.last.pending[1]?.answer('done');
    await left;
    expect(write.outcome).toBe('done');
  });

  it('is one, however often it is asked for', async () => {
    await connection.close(0);
    await connection.close(0);
    connection.fail('late');
    expect(lost).toEqual([]);
  });
});

it('an idle connection is pinged', async () => {
  await clock.advance(60_000);
  expect(server.last.sent).toEqual(['PING']);
});

it('AUTH changes the token of the connection, where it succeeds', async () => {
  const first = connection.token;
  const next = tokenOf(clock.nowMs(), 7_200_000);
  server.answer = () => ({ error: 'WRONGPASS invalid username-password pair' });
  const refused = connection.reauthenticate(next, clock.nowMs() + 1000);
  await expect(refused).rejects.toMatchObject({
    code: 'redis-rejected-identity',
  } satisfies Partial<AppError>);
  expect(connection.token).toBe(first);
  server.answer = () => ({ value: 'OK' });
  await connection.reauthenticate(next, clock.nowMs() + 1000);
  expect(server.last.sent.at(-1)).toBe(`AUTH ${testOid} ${next.reveal()}`);
  expect(connection.token).toBe(next);
});

it('the client is the same for every command', async () => {
  const clients = new Set<RedisClient>();
  for (const _ of [1, 2]) {
    await connection.run(async (client) => clients.add(client), { deadlineAtMs: clock.nowMs() + 10 });
  }
  expect(clients.size).toBe(1);
});
