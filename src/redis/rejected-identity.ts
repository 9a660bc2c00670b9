// Says whose token Redis rejected, and what is missing on the cache.

import { AppError } from '../util/errors.ts';

/** What a rejected handshake signed in with. */
export interface Identity {
  /** Of the token. */
  readonly oid: string | undefined;
  /** From the settings; the object id where undefined. */
  readonly username: string | undefined;
}

export function rejectedIdentity({ oid = '(unknown)', username }: Identity, cause: unknown): AppError {
  const assignment = 'an access policy assignment on the cache (data access configuration, policy "default")';
  const missing =
    username === undefined
      ? `Give that object id ${assignment}`
      : `REDIS_USERNAME has it sign in as ${username}: give that object id ${assignment} under that user name, or remove the setting (in code: the option username)`;
  return new AppError(
    'redis-rejected-identity',
    `Redis rejected the token of the identity with object id ${oid}. ${missing}, and check that the token's scope is meant for this cache.`,
    { cause },
  );
}
