import { beforeEach, expect, it } from 'vitest';
import { marginMs } from '../../../../src/auth/refresh-policy.ts';
import type { Token } from '../../../../src/auth/token.ts';
import { AttachedConnection } from '../../../../src/redis/attached/attached-connection.ts';
import { FakeClock, settle } from '../../../support/fake-clock.ts';
import { tokenOf } from '../../../support/tokens.ts';

const hourMs = 3_600_000;

let clock: FakeClock;
let old: Token;
let next: Token;
let sent: Token[];
let answers: { resolve: () => void; reject: (error: Error) => void }[];
let mayAuthenticate: boolean;
let reconnects: number;

beforeEach(() => {
  clock = new FakeClock();
  old = tokenOf(clock.wallMs(), hourMs);
  next = tokenOf(clock.wallMs() + hourMs / 2, hourMs);
  sent = [];
  answers = [];
  mayAuthenticate = true;
  reconnects = 0;
});

function connect(canReconnect = true): AttachedConnection {
  const auth = async (token: Token): Promise<void> => {
    sent.push(token);
    return new Promise((resolve, reject) => answers.push({ resolve, reject }));
  };
  const client = {
    auth,
    mayAuthenticate: () => mayAuthenticate,
    ...(canReconnect && { reconnect: () => void (reconnects += 1) }),
  };
  return new AttachedConnection(1, client, old, clock);
}

const begin = (connection: AttachedConnection): Promise<void> => {
  const asked = connection.reauthenticate(next, clock.nowMs() + 5000);
  // Looked at later.
  asked.catch(() => {});
  return asked;
};

it('has the token when AUTH has been accepted', async () => {
  const connection = connect();
  const asked = begin(connection);
  expect([connection.token, connection.hasPendingAuth]).toEqual([old, true]);
  answers[0]?.resolve();
  await asked;
  expect([connection.token, connection.hasPendingAuth]).toEqual([next, false]);
});

it('sends one AUTH for a token, however long a command blocks before it', async () => {
  const connection = connect();
  const asked = begin(connection);
  await clock.advance(hourMs / 2);
  const again = begin(connection);
  answers[0]?.resolve();
  await Promise.all([asked, again]);
  expect(sent).toEqual([next]);
});

it('is made anew where AUTH was not answered when its token comes near its end', async () => {
  const connection = connect();
  const asked = begin(connection);
  await clock.advance(hourMs - marginMs(next) - 1);
  expect(connection.replace()).toBe(false);
  await clock.advance(1);
  await expect(asked).rejects.toMatchObject({ code: 'deadline-exceeded' });
  expect([connection.replace(), reconnects]).toEqual([true, 1]);
});

it('is made anew as early where the later token has a shorter life', async () => {
  next = tokenOf(clock.wallMs() + hourMs, 60_000);
  const connection = connect();
  const asked = begin(connection);
  await clock.advance(hourMs - marginMs(old));
  await expect(asked).rejects.toMatchObject({ code: 'deadline-exceeded' });
  expect([connection.replace(), reconnects]).toEqual([true, 1]);
});

it('is made anew where it may not send AUTH, and sends none', async () => {
  mayAuthenticate = false;
  const connection = connect();
  const asked = begin(connection);
  await clock.advance(hourMs - marginMs(next));
  await expect(asked).rejects.toThrow('RESP2');
  expect([connection.replace(), reconnects, sent]).toEqual([true, 1, []]);
});

it('is left to the server where the client cannot be told to reconnect', async () => {
  mayAuthenticate = false;
  const connection = connect(false);
  const asked = begin(connection);
  await clock.advance(2 * hourMs);
  connection.lose();
  await expect(asked).rejects.toMatchObject({ code: 'connection-lost' });
  expect(connection.replace()).toBe(false);
});

it('stays where AUTH was refused, and passes on neither command nor token', async () => {
  const connection = connect();
  const asked = begin(connection);
  const refusal = Object.assign(new Error('WRONGPASS invalid'), { command: { args: [next.reveal()] } });
  answers[0]?.reject(refusal);
  const error: unknown = await asked.catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'redis-rejected-identity' });
  expect(error).not.toHaveProperty('cause');
  expect([connection.replace(), connection.token]).toEqual([false, old]);
  void begin(connection);
  expect(sent).toHaveLength(2);
});

it('ends what waits when it is lost, and knows that the AUTH may be sent again', async () => {
  const connection = connect();
  const asked = begin(connection);
  connection.lose();
  answers[0]?.reject(new Error('closed'));
  await expect(asked).rejects.toMatchObject({ code: 'connection-lost' });
  await settle();
  expect([connection.isLive, connection.hasPendingAuth, connection.replace()]).toEqual([false, true, false]);
  expect(clock.pendingTimers).toBe(0);
});

it('takes what the client says of an AUTH that is lost with the connection for the loss', async () => {
  const connection = connect();
  const asked = begin(connection);
  answers[0]?.reject(new Error('Socket closed unexpectedly'));
  connection.lose();
  await expect(asked).rejects.toMatchObject({ code: 'connection-lost' });
});
