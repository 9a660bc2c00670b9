// What Redis says of each of many keys, where one that holds another type spoils only its own answer.

import { AppError } from '../util/errors.ts';
import type { WrongType } from './tier.ts';

/** Issued in one turn of the event loop, so node-redis writes them together. */
export async function repliesOf<T>(
  keys: readonly string[],
  read: (key: string) => Promise<T>,
): Promise<readonly (T | WrongType)[]> {
  const replies = await Promise.allSettled(keys.map(read));
  return replies.map((reply) => {
    if (reply.status === 'fulfilled') return reply.value;
    const error: unknown = reply.reason;
    if (error instanceof AppError && error.code === 'wrong-type') return { kind: 'wrong-type' };
    // Anything but an answer about this key concerns the connection: the caller decides whether to repeat.
    throw error;
  });
}
