// What Redis and node-redis say of a failure -> AppError, and why a command was refused.
// Knows no connection.

import { ErrorReply } from 'redis';
import { AppError, describe } from '../util/errors.ts';
import type { RefusalCause } from '../telemetry/events.ts';

/** What is refused as long as a cause lasts: `some`, certain commands or keys. */
export type RefusalScope = 'writes' | 'all' | 'some';

/** Which of them end by themselves, so that asking again makes sense. */
type Lasting = 'passes' | 'stays';

const causes: Readonly<Record<RefusalCause, readonly [RefusalScope, Lasting]>> = {
  'out-of-memory': ['writes', 'passes'],
  'read-only': ['writes', 'passes'],
  'too-few-replicas': ['writes', 'passes'],
  'cannot-persist': ['writes', 'passes'],
  'busy-script': ['all', 'passes'],
  loading: ['all', 'passes'],
  'primary-down': ['all', 'passes'],
  'too-many-clients': ['all', 'passes'],
  // A slot that nobody serves is one of many.
  'cluster-down': ['some', 'passes'],
  'no-permission': ['some', 'stays'],
  'unknown-command': ['some', 'stays'],
  other: ['some', 'stays'],
};

// The first words of an error (https://redis.io/docs/latest/develop/reference/protocol-spec/#simple-errors): all that
// Redis 7 and 8 have in server.c, acl.c, script.c and cluster.c, but for those of commands that nobody here sends.
const prefixes: readonly (readonly [prefix: string, cause: RefusalCause])[] = [
  ['OOM', 'out-of-memory'],
  ['NOPERM', 'no-permission'],
  // In a script the same has no code of its own.
  ['ERR The user executing the script', 'no-permission'],
  ['READONLY', 'read-only'],
  ['NOREPLICAS', 'too-few-replicas'],
  ['MISCONF', 'cannot-persist'],
  // Not BUSYKEY and BUSYGROUP, which concern one key.
  ['BUSY ', 'busy-script'],
  ['LOADING', 'loading'],
  ['MASTERDOWN', 'primary-down'],
  ['CLUSTERDOWN', 'cluster-down'],
  ['ERR max number of clients', 'too-many-clients'],
  ['ERR unknown command', 'unknown-command'],
  ['ERR This Redis command is not allowed', 'unknown-command'],
];

const identityReplies = ['NOAUTH', 'WRONGPASS'];
// Answers about the key or its place: they refuse nothing.
const ordinaryReplies = ['WRONGTYPE', 'MOVED ', 'ASK ', 'TRYAGAIN', ...identityReplies];
const redirects = ['MOVED ', 'ASK ', 'TRYAGAIN'];

/** Why Redis refused; undefined where it did not, but answered something else, or did not answer. */
export function refusalCause(error: unknown): RefusalCause | undefined {
  if (!(error instanceof ErrorReply)) return undefined;
  const text = withoutScript(error.message);
  if (ordinaryReplies.some((prefix) => text.startsWith(prefix))) return undefined;
  return prefixes.find(([prefix]) => text.startsWith(prefix))?.[1] ?? 'other';
}

export function refusalScope(cause: RefusalCause): RefusalScope {
  return causes[cause][0];
}

/** An error that Redis answered with, as an AppError; undefined for anything else. */
export function fromErrorReply(error: unknown): AppError | undefined {
  if (!(error instanceof ErrorReply)) return undefined;
  const text = withoutScript(error.message);
  const startsWith = (prefix: string): boolean => text.startsWith(prefix);
  if (startsWith('WRONGTYPE')) {
    return new AppError('wrong-type', 'The key holds a Redis type other than a string.', { cause: error });
  }
  if (identityReplies.some(startsWith)) {
    return new AppError('redis-rejected-identity', `Redis rejected the identity: ${describe(error)}`, {
      cause: error,
    });
  }
  const cause = refusalCause(error);
  if (redirects.some(startsWith) || (cause !== undefined && causes[cause][1] === 'passes')) {
    return new AppError('redis-unavailable', `Redis cannot serve now: ${describe(error)}`, { cause: error });
  }
  return new AppError('command-failed', `Redis refused the command: ${describe(error)}`, { cause: error });
}

/**
 * Redis 7 hands on what a command in a script was answered as it is. Redis 6, Azure's classic one, puts
 * "ERR Error running script (call to f_<sha1>): @user_script:1: @user_script: 1: -" before it.
 */
function withoutScript(message: string): string {
  const [, inner] =
    /^ERR Error running script \(call to \w+\): (?:@\w+: ?\d+: )*-?(.*)$/su.exec(message) ?? [];
  if (inner === undefined) return message;
  return inner.startsWith('The user executing the script') ? `ERR ${inner}` : inner;
}

/** What to tell when Redis answers a handshake with WRONGPASS: who was rejected and what is missing. */
export function rejectedIdentity(
  {
    oid = '(unknown)',
    username,
  }: { readonly oid: string | undefined; readonly username: string | undefined },
  cause: unknown,
): AppError {
  const assignment = 'an access policy assignment on the cache (data access configuration, policy "default")';
  const missing =
    username === undefined
      ? `Give that object id ${assignment}`
      : `REDIS_USERNAME has it sign in as ${username}: give that object id ${assignment} under that user name, or remove the setting`;
  return new AppError(
    'redis-rejected-identity',
    `Redis rejected the token of the identity with object id ${oid}. ${missing}, and check that the token's scope is meant for this cache.`,
    { cause },
  );
}
