import { createClient, SimpleError } from 'redis';
import { beforeEach, describe, expect, it } from 'vitest';
import type { RedisClient } from '../../../src/redis/redis.ts';
import { takeInReplies } from '../../../src/redis/command-replies.ts';
import { Refusals } from '../../../src/redis/refusals.ts';
import type { AppEvent } from '../../../src/telemetry/events.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const oom = "OOM command not allowed when used memory > 'maxmemory'.";
const noKey = 'NOPERM this user has no permissions to access one of the keys used as arguments';
const noCommand = "NOPERM this user has no permissions to run the 'eval' command";

describe('refusals', () => {
  let clock: FakeClock;
  let events: AppEvent[];
  /** What the server answers with; undefined: it does as it is told. */
  let answer: (args: readonly string[]) => string | undefined;
  let sent: (readonly string[])[];
  let client: RedisClient;
  let refusals: Refusals;

  beforeEach(() => {
    clock = new FakeClock();
    events = [];
    answer = () => undefined;
    sent = [];
    const emit = (event: AppEvent): void => void events.push(event);
    // A client that connects to nowhere: its commands end in `sendCommand`, as they do with a server.
    client = createClient({ RESP: 3 });
    const methods = Object.getPrototypeOf(client) as RedisClient;
    methods.sendCommand = (async (args: string[]) => {
      sent.push(args);
      const refusal = answer(args);
      if (refusal !== undefined) throw new SimpleError(refusal);
      return 'OK';
    }) as RedisClient['sendCommand'];
    refusals = new Refusals({ clock, emit, address: 'cache:10000' });
    takeInReplies(client, refusals);
  });

  /** Runs a command to its end, whatever that is. */
  const run = async (command: (on: RedisClient) => Promise<unknown>): Promise<void> => {
    await command(client).catch(() => {});
    await clock.advance(0);
  };
  const set = async (on: RedisClient): Promise<unknown> => on.set('a', 'value');
  const get =
    (key: string) =>
    async (on: RedisClient): Promise<unknown> =>
      on.get(key);
  const script =
    (operation: string) =>
    async (on: RedisClient): Promise<unknown> =>
      on.eval('a script', { keys: ['key'], arguments: [operation] });
  const told = (): string[] =>
    events.map((event) => ('cause' in event ? `${event.type} ${event.cause}` : event.type));
  const isWrite = ([name]: readonly string[]): boolean => ['SET', 'EVAL'].includes(name ?? '');

  it('are told once, and once when the command is accepted again: for how long and how many', async () => {
    answer = (args) => (isWrite(args) ? oom : undefined);
    for (let times = 0; times < 5; times += 1) await run(set);
    expect(events).toEqual([
      { type: 'commandRefused', cause: 'out-of-memory', command: 'SET', reason: oom, address: 'cache:10000' },
    ]);
    await clock.advance(30_000);
    answer = () => undefined;
    await run(set);
    await run(set);
    expect(events.slice(1)).toEqual([
      {
        type: 'commandAccepted',
        cause: 'out-of-memory',
        command: 'SET',
        refusedMs: 30_000,
        refusals: 5,
        address: 'cache:10000',
      },
    ]);
    answer = (args) => (isWrite(args) ? oom : undefined);
    await run(set);
    expect(told()).toHaveLength(3);
  });

  it('of writes are not ended by a read, nor by a script that happened to write nothing', async () => {
    answer = (args) => (isWrite(args) ? oom : undefined);
    await run(script('set'));
    await run(get('key'));
    await clock.advance(5000);
    // The same script removes, which Redis does not refuse.
    answer = (args) => (args[0] === 'SET' ? oom : undefined);
    await run(script('del'));
    await clock.advance(5000);
    expect(told()).toEqual(['commandRefused out-of-memory']);
    // What it asked with is in the slot of what the script wrote.
    expect(sent.at(-1)?.[1]).toContain('{key}');
    answer = () => undefined;
    await run(script('set'));
    expect(told()).toEqual(['commandRefused out-of-memory', 'commandAccepted out-of-memory']);
  });

  it('that come and go at the edge of the memory are one', async () => {
    for (let times = 0; times < 50; times += 1) {
      answer = (args) => (isWrite(args) && times % 2 === 0 ? oom : undefined);
      await run(set);
      await clock.advance(100);
    }
    answer = () => undefined;
    await clock.advance(2000);
    expect(told()).toEqual(['commandRefused out-of-memory', 'commandAccepted out-of-memory']);
  });

  it('for lack of a right to a command are not ended by other commands', async () => {
    answer = (args) => (args[0] === 'EVAL' ? noCommand : undefined);
    await run(script('set'));
    await clock.advance(5000);
    await run(get('key'));
    await run(set);
    expect(told()).toEqual(['commandRefused no-permission']);
    answer = () => undefined;
    await run(script('set'));
    expect(told()).toEqual(['commandRefused no-permission', 'commandAccepted no-permission']);
  });

  it('for lack of a right to a key are not ended by reads of other keys', async () => {
    answer = (args) => (args[1] === 'theirs' ? noKey : undefined);
    for (let times = 0; times < 20; times += 1) {
      await run(get('theirs'));
      await clock.advance(2000);
      await run(get('ours'));
      await clock.advance(2000);
    }
    expect(told()).toEqual(['commandRefused no-permission']);
  });

  it('of two causes are told apart', async () => {
    answer = (args) => (args[0] === 'GET' ? 'LOADING Redis is loading' : oom);
    await run(set);
    await run(get('a'));
    expect(told()).toEqual(['commandRefused out-of-memory', 'commandRefused loading']);
    await clock.advance(5000);
    answer = (args) => (isWrite(args) ? oom : undefined);
    await run(get('a'));
    expect(told().at(-1)).toBe('commandAccepted loading');
  });

  it('that nobody has asked for again for ten minutes are forgotten, so that the next is told', async () => {
    answer = () => noKey;
    await run(get('theirs'));
    await clock.advance(600_001);
    await run(get('other'));
    expect(told()).toEqual(['commandRefused no-permission', 'commandRefused no-permission']);
  });

  it('never show what AUTH was given', async () => {
    answer = () => noCommand;
    await run(async (on) => on.auth({ username: 'user', password: 'token' }));
    expect(events).toEqual([]);
  });

  it('are noticed whichever way a command is sent, and stay refusals for whoever sent it', async () => {
    answer = () => noCommand;
    await expect(client.set('a', '')).rejects.toThrow('NOPERM');
    await expect(client.withTypeMapping({}).get('a')).rejects.toThrow('NOPERM');
    await expect(client.sendCommand(['CLUSTER', 'SLOTS'])).rejects.toThrow('NOPERM');
    expect(events).toMatchObject([{ command: 'SET' }]);
    answer = () => undefined;
    await clock.advance(1000);
    await run(async (on) => on.withTypeMapping({}).get('a'));
    expect(events.at(-1)).toMatchObject({ type: 'commandAccepted', command: 'GET', refusals: 3 });
  });
});
