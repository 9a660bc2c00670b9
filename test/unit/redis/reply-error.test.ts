import { SimpleError } from 'redis';
import { describe, expect, it } from 'vitest';
import { refusalCause, refusalScope, ReplyError, withParsedReply } from '../../../src/redis/reply-error.ts';

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
    const error = withParsedReply(new SimpleError(message));
    expect(refusalCause(error)).toBe(cause);
    expect(error).toMatchObject({ code });
  });

  it.each([
    ['WRONGTYPE Operation against a key holding the wrong kind of value', 'wrong-type'],
    ['NOAUTH Authentication required.', 'redis-rejected-identity'],
    ['WRONGPASS invalid username-password pair or user is disabled.', 'redis-rejected-identity'],
    ['MOVED 1 127.0.0.1:1', 'redis-unavailable'],
    ['ASK 1 127.0.0.1:1', 'redis-unavailable'],
    ['TRYAGAIN Multiple keys request during rehashing of slot', 'redis-unavailable'],
  ])('%s is no refusal', (message, code) => {
    const error = withParsedReply(new SimpleError(message));
    expect(refusalCause(error)).toBeUndefined();
    expect(error).toMatchObject({ code });
  });
});

it('what is no error reply stays as it is, also a reply that has been parsed', () => {
  const bug = new TypeError('a bug');
  expect(withParsedReply(bug)).toBe(bug);
  const parsed = withParsedReply(new SimpleError(oom));
  expect(parsed).toBeInstanceOf(ReplyError);
  expect(withParsedReply(parsed)).toBe(parsed);
  expect(refusalCause(bug)).toBeUndefined();
});

it('a cause says what it refuses', () => {
  expect(refusalScope('out-of-memory')).toBe('writes');
  expect(refusalScope('loading')).toBe('all');
  expect(refusalScope('no-permission')).toBe('some');
});
