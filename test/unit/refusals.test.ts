import { SimpleError } from 'redis';
import { beforeEach, describe, expect, it } from 'vitest';
import type { RedisClient } from '../../src/redis/connection.ts';
import { fromErrorReply, refusalCause, refusalScope } from '../../src/redis/failures.ts';
import { Refusals } from '../../src/redis/refusals.ts';
import type { AppEvent } from '../../src/telemetry/events.ts';
import { FakeClock } from '../support/fake-clock.ts';

const oom = "OOM command not allowed when used memory > 'maxmemory'.";
const noKey = 'NOPERM this user has no permissions to access one of the keys used as arguments';
const noCommand = "NOPERM this user has no permissions to run the 'eval' command";

describe('why Redis refuses', () => {
  // As redis-server 7.0.15 said it when it was brought to refuse, and Redis 6 inside scripts.
  it.each([
    [oom, 'out-of-memory', 'redis-unavailable'],
    [`${oom} script: 1f8f4cfb, on @user_script:1.`, 'out-of-memory', 'redis-unavailable'],
    [
      `ERR Error running script (call to f_1f8f4cfb): @user_script:1: @user_script: 1: -${oom}`,
      'out-of-memory',
      'redis-unavailable',
    ],
    ["READONLY You can't write against a read only replica.", 'read-only', 'redis-unavailable'],
    ['NOREPLICAS Not enough good replicas to write.', 'too-few-replicas', 'redis-unavailable'],
    ['MISCONF Redis is configured to save RDB snapshots, but', 'cannot-persist', 'redis-unavailable'],
    ['BUSY Redis is busy running a script.', 'busy-script', 'redis-unavailable'],
    ['LOADING Redis is loading the dataset in memory', 'loading', 'redis-unavailable'],
    ['MASTERDOWN Link with MASTER is down', 'primary-down', 'redis-unavailable'],
    ['CLUSTERDOWN Hash slot not served', 'cluster-down', 'redis-unavailable'],
    ['ERR max number of clients reached', 'too-many-clients', 'redis-unavailable'],
    [noKey, 'no-permission', 'command-failed'],
    [noCommand, 'no-permission', 'command-failed'],
    [
      "ERR The user executing the script can't run this command or subcommand script: 1f8f4cfb, on @user_script:1.",
      'no-permission',
      'command-failed',
    ],
    [
      "ERR Error running script (call to f_1f8f4cfb): @user_script:1: @user_script: 1: The user executing the script can't run this command or subcommand",
      'no-permission',
      'command-failed',
    ],
    ["ERR unknown command 'EVAL', with args beginning with: ", 'unknown-command', 'command-failed'],
    ['ERR something that nobody knows', 'other', 'command-failed'],
    ['BUSYKEY Target key name already exists.', 'other', 'command-failed'],
  ])('%s', (message, cause, code) => {
    const error = new SimpleError(message);
    expect(refusalCause(error)).toBe(cause);
    expect(fromErrorReply(error)?.code).toBe(code);
  });

  it.each([
    ['WRONGTYPE Operation against a key holding the wrong kind of value', 'wrong-type'],
    ['NOAUTH Authentication required.', 'redis-rejected-identity'],
    ['WRONGPASS invalid username-password pair or user is disabled.', 'redis-rejected-identity'],
    ['MOVED 1 127.0.0.1:1', 'redis-unavailable'],
    ['ASK 1 127.0.0.1:1', 'redis-unavailable'],
    ['TRYAGAIN Multiple keys request during rehashing of slot', 'redis-unavailable'],
  ])('%s is no refusal', (message, code) => {
    const error = new SimpleError(message);
    expect(refusalCause(error)).toBeUndefined();
    expect(fromErrorReply(error)?.code).toBe(code);
  });
});

describe('refusals', () => {
  const set = ['SET', 'a', 'value'];
  let clock: FakeClock;
  let events: AppEvent[];
  /** What the server answers with; undefined: it does as it is told. */
  let answer: (args: readonly string[]) => string | undefined;
  let sent: (readonly string[])[];
  let client: RedisClient;

  beforeEach(() => {
    clock = new FakeClock();
    events = [];
    answer = () => undefined;
    sent = [];
    const emit = (event: AppEvent): void => void events.push(event);
    const server = {
      async sendCommand(args: readonly string[]): Promise<string> {
        sent.push(args);
        const refusal = answer(args);
        if (refusal !== undefined) throw new SimpleError(refusal);
        return 'OK';
      },
    };
    client = new Refusals({ clock, emit, address: 'cache:10000' }).watch(server as unknown as RedisClient);
  });

  const run = async (...args: string[]): Promise<void> => {
    await client.sendCommand(args).catch(() => {});
    await clock.advance(0);
  };
  const told = (): string[] =>
    events.map((event) => ('cause' in event ? `${event.type} ${event.cause}` : event.type));
  const isWrite = ([name]: readonly string[]): boolean => ['SET', 'EVAL'].includes(name ?? '');

  it('are told once, and once when the command is accepted again: for how long and how many', async () => {
    answer = (args) => (isWrite(args) ? oom : undefined);
    for (let times = 0; times < 5; times += 1) await run(...set);
    expect(events).toEqual([
      { type: 'commandRefused', cause: 'out-of-memory', command: 'SET', reason: oom, address: 'cache:10000' },
    ]);
    await clock.advance(30_000);
    answer = () => undefined;
    await run(...set);
    await run(...set);
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
    await run(...set);
    expect(told()).toHaveLength(3);
  });

  it('of writes are not ended by a read, nor by a script that happened to write nothing', async () => {
    answer = (args) => (isWrite(args) ? oom : undefined);
    await run('EVAL', 'a script', '1', 'key', 'set');
    await run('GET', 'key');
    await clock.advance(5000);
    // The same script removes, which Redis does not refuse.
    answer = (args) => (args[0] === 'SET' ? oom : undefined);
    await run('EVAL', 'a script', '1', 'key', 'del');
    await clock.advance(5000);
    expect(told()).toEqual(['commandRefused out-of-memory']);
    // What it asked with is in the slot of what the script wrote.
    expect(sent.at(-1)?.[1]).toContain('{key}');
    answer = () => undefined;
    await run('EVAL', 'a script', '1', 'key', 'set');
    expect(told()).toEqual(['commandRefused out-of-memory', 'commandAccepted out-of-memory']);
  });

  it('that come and go at the edge of the memory are one', async () => {
    for (let times = 0; times < 50; times += 1) {
      answer = (args) => (isWrite(args) && times % 2 === 0 ? oom : undefined);
      await run(...set);
      await clock.advance(100);
    }
    answer = () => undefined;
    await clock.advance(2000);
    expect(told()).toEqual(['commandRefused out-of-memory', 'commandAccepted out-of-memory']);
  });

  it('for lack of a right to a command are not ended by other commands', async () => {
    answer = (args) => (args[0] === 'EVAL' ? noCommand : undefined);
    await run('EVAL', 'a script', '1', 'key');
    await clock.advance(5000);
    await run('GET', 'key');
    await run('SET', 'key', 'value');
    expect(told()).toEqual(['commandRefused no-permission']);
    answer = () => undefined;
    await run('EVAL', 'a script', '1', 'key');
    expect(told()).toEqual(['commandRefused no-permission', 'commandAccepted no-permission']);
  });

  it('for lack of a right to a key are not ended by reads of other keys', async () => {
    answer = (args) => (args[1] === 'theirs' ? noKey : undefined);
    for (let times = 0; times < 20; times += 1) {
      await run('GET', 'theirs');
      await clock.advance(2000);
      await run('GET', 'ours');
      await clock.advance(2000);
    }
    expect(told()).toEqual(['commandRefused no-permission']);
  });

  it('of two causes are told apart', async () => {
    answer = (args) => (args[0] === 'GET' ? 'LOADING Redis is loading' : oom);
    await run(...set);
    await run('GET', 'a');
    expect(told()).toEqual(['commandRefused out-of-memory', 'commandRefused loading']);
    await clock.advance(5000);
    answer = (args) => (isWrite(args) ? oom : undefined);
    await run('GET', 'a');
    expect(told().at(-1)).toBe('commandAccepted loading');
  });

  it('that nobody has asked for again for ten minutes are forgotten, so that the next is told', async () => {
    answer = () => noKey;
    await run('GET', 'theirs');
    await clock.advance(600_001);
    await run('GET', 'other');
    expect(told()).toEqual(['commandRefused no-permission', 'commandRefused no-permission']);
  });

  it('never show what AUTH was given', async () => {
    answer = () => noCommand;
    await run('AUTH', 'user', 'token');
    expect(events).toEqual([]);
  });

  it('stay refusals for whoever asked, and a watched client is watched once', async () => {
    answer = () => oom;
    await expect(client.sendCommand(set)).rejects.toThrow('OOM');
    const again = new Refusals({ clock, emit: () => {}, address: '' });
    const send = again.watch(client).sendCommand;
    expect(again.watch(client).sendCommand).toBe(send);
  });

  it('know what a cause refuses', () => {
    expect(refusalScope('out-of-memory')).toBe('writes');
    expect(refusalScope('loading')).toBe('all');
    expect(refusalScope('no-permission')).toBe('some');
  });
});
