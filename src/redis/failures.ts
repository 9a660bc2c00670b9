// What node-redis throws -> AppError. Used by connection.ts and cache/store.ts.
// Knows no connection.

import { ErrorReply } from 'redis';
import { AppError, describe } from '../errors.ts';

// The server is there but cannot serve now (https://redis.io/docs/latest/develop/reference/protocol-spec/#simple-errors
// gives the form; OOM is what a write gets when the cache is full).
const passingReplies = [
  'LOADING',
  'BUSY',
  'MASTERDOWN',
  'CLUSTERDOWN',
  'READONLY',
  'TRYAGAIN',
  'OOM',
  'ERR max number of clients',
  'MOVED ',
  'ASK ',
];
const identityReplies = ['NOAUTH', 'WRONGPASS'];

/** An error that Redis answered with, as an AppError; undefined for anything else. */
export function fromErrorReply(error: unknown): AppError | undefined {
  if (!(error instanceof ErrorReply)) return undefined;
  const { message } = error;
  const startsWith = (prefix: string): boolean => message.startsWith(prefix);
  if (startsWith('WRONGTYPE')) {
    return new AppError('wrong-type', 'The key holds a Redis type other than a string.', { cause: error });
  }
  if (identityReplies.some(startsWith)) {
    return new AppError('redis-rejected-identity', `Redis rejected the identity: ${describe(error)}`, {
      cause: error,
    });
  }
  if (passingReplies.some(startsWith)) {
    return new AppError('redis-unavailable', `Redis cannot serve now: ${describe(error)}`, { cause: error });
  }
  return new AppError('command-failed', `Redis refused the command: ${describe(error)}`, { cause: error });
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
