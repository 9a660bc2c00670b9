import { beforeEach, expect, it } from 'vitest';
import { Connection } from '../../../src/redis/connection.ts';
import { Subscriptions } from '../../../src/redis/subscriptions.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';
import { ScriptedServer } from '../../support/scripted-server.ts';
import { tokenOf } from '../../support/tokens.ts';

let clock: FakeClock;
let server: ScriptedServer;
let subscriptions: Subscriptions;
let heard: string[];

beforeEach(() => {
  clock = new FakeClock();
  server = new ScriptedServer();
  subscriptions = new Subscriptions(clock);
  heard = [];
});

const hear = (message: string): void => void heard.push(message);
const soon = (): number => clock.nowMs() + 1000;

async function connect(): Promise<Connection> {
  const options = {
    hostname: 'cache',
    port: 1,
    tls: false,
    username: undefined,
    connectTimeoutMs: 5000,
    pingAfterMs: 600_000,
  };
  const token = async () => tokenOf(clock.nowMs(), 3_600_000);
  const { shakeHands } = server;
  const events = { onLost: () => {}, onBlocked: () => {} };
  return Connection.open({ id: 1, options, clock, token, shakeHands, ...events });
}

it('a channel is subscribed once, however many listen, and each hears every message', async () => {
  await subscriptions.moveTo(await connect());
  subscriptions.add('a', hear);
  const stop = subscriptions.add('a', hear);
  await subscriptions.listening('a', soon());
  server.last.channels.get('a')?.('hello');
  stop();
  server.last.channels.get('a')?.('again');
  expect(heard).toEqual(['hello', 'hello', 'again']);
  expect(server.last.sent).toEqual(['SUBSCRIBE a']);
});

it('what is listened to before there is a connection, or after a loss, is subscribed on the next one', async () => {
  subscriptions.add('a', hear);
  const first = await connect();
  await subscriptions.moveTo(first);
  first.fail('cut');
  subscriptions.leave();
  const listening = subscriptions.listening('a', soon());
  const second = await connect();
  await subscriptions.moveTo(second);
  await listening;
  server.last.channels.get('a')?.('hello');
  expect(heard).toEqual(['hello']);
});

it('who waits for a channel is told at the deadline, and when nobody listens to it any more', async () => {
  await expect(subscriptions.listening('a', soon())).rejects.toMatchObject({ code: 'redis-unavailable' });
  const stop = subscriptions.add('a', hear);
  const late = subscriptions.listening('a', soon());
  late.catch(() => {});
  await clock.advance(1000);
  await expect(late).rejects.toThrow('The channel a is not listened to yet.');
  const stopped = subscriptions.listening('a', soon());
  stop();
  await expect(stopped).rejects.toMatchObject({ code: 'redis-unavailable' });
});

it('a subscription that fails on a live connection is tried again after a second', async () => {
  server.answer = () => ({ error: 'NOPERM no channel' });
  subscriptions.add('a', hear);
  await subscriptions.moveTo(await connect());
  server.answer = () => ({ value: 'OK' });
  await clock.advance(1000);
  await subscriptions.listening('a', soon());
  expect(server.last.sent).toEqual(['SUBSCRIBE a', 'SUBSCRIBE a']);
});

it('is not tried again for a channel that nobody listens to any more', async () => {
  server.answer = () => ({ error: 'NOPERM no channel' });
  const stop = subscriptions.add('a', hear);
  await subscriptions.moveTo(await connect());
  stop();
  await clock.advance(5000);
  expect(server.last.sent).toEqual(['SUBSCRIBE a', 'UNSUBSCRIBE a']);
});

it('says when nothing is listened to any more', async () => {
  let isEmpty = false;
  const stops = [subscriptions.add('a', hear), subscriptions.add('b', hear)];
  void subscriptions.whenEmpty().then(() => (isEmpty = true));
  stops[0]?.();
  await settle();
  expect(isEmpty).toBe(false);
  stops[1]?.();
  await settle();
  expect([isEmpty, subscriptions.isEmpty]).toEqual([true, true]);
  await subscriptions.whenEmpty();
});

it('is heard until Redis has taken in that nobody listens any more', async () => {
  await subscriptions.moveTo(await connect());
  const stop = subscriptions.add('a', hear);
  await subscriptions.listening('a', soon());
  server.answer = () => 'later';
  stop();
  server.last.channels.get('a')?.('on its way');
  server.last.pending.shift()?.answer('OK');
  await settle();
  expect(heard).toEqual(['on its way']);
  expect(server.last.channels.size).toBe(0);
});

it('a channel that is left and listened to again at once is subscribed again, after that', async () => {
  await subscriptions.moveTo(await connect());
  const stop = subscriptions.add('a', hear);
  await subscriptions.listening('a', soon());
  server.answer = () => 'later';
  stop();
  subscriptions.add('a', hear);
  const listening = subscriptions.listening('a', soon());
  await settle();
  expect(server.last.sent).toEqual(['SUBSCRIBE a', 'UNSUBSCRIBE a']);
  server.answer = () => ({ value: 'OK' });
  server.last.pending.shift()?.answer('OK');
  await listening;
  server.last.channels.get('a')?.('hello');
  expect(heard).toEqual(['hello']);
});

it('what is on its way on the connection before is heard before that one may be closed', async () => {
  subscriptions.add('a', hear);
  const first = await connect();
  await subscriptions.moveTo(first);
  const before = server.last;
  // Redis answers in order: what it published before comes before the answer to a later command.
  server.answer = ([name]) => (name === 'PING' ? 'later' : { value: 'OK' });
  let isMoved = false;
  const moved = subscriptions.moveTo(await connect()).then(() => {
    isMoved = true;
  });
  await settle();
  expect(isMoved).toBe(false);
  before.channels.get('a')?.('on its way');
  for (const { answer } of before.pending) answer('PONG');
  await moved;
  expect(heard).toEqual(['on its way']);
});

it.each(['is lost', 'does not answer'])(
  'a connection before that %s holds nothing up for ever',
  async (how) => {
    subscriptions.add('a', hear);
    const first = await connect();
    await subscriptions.moveTo(first);
    const before = server.last;
    server.answer = ([name]) => (name === 'PING' ? 'later' : { value: 'OK' });
    const moved = subscriptions.moveTo(await connect());
    await settle();
    if (how === 'is lost') before.cut();
    else await clock.advance(5000);
    await moved;
    server.last.channels.get('a')?.('hello');
    expect(heard).toEqual(['hello']);
  },
);
