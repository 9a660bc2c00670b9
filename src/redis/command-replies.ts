// Takes in the replies to all commands of a client: error replies become `ReplyError`s before anybody sees them.

import type { RedisArgument } from 'redis';
import type { RedisClient } from './handshake.ts';
import { ReplyError, withParsedReply } from './reply-error.ts';

export type Send = (args: readonly RedisArgument[]) => Promise<unknown>;

/** Sees how each command of a client ends, also where its caller ignores that. */
export interface CommandObserver {
  /** @param send sends a command that nobody observes. */
  onAccepted(args: readonly RedisArgument[], send: Send): void;
  onError(args: readonly RedisArgument[], error: ReplyError): void;
}

/** All commands of node-redis but its Pub/Sub ones go through `sendCommand`, with what is sent as arguments. */
export function takeInReplies(client: RedisClient, observer: CommandObserver | undefined): void {
  const target = methodsOf(client);
  const { sendCommand } = target;
  const send: Send = (args) => sendCommand.call(client, args);
  const observed = function <T>(this: RedisClient, ...parameters: Parameters<typeof sendCommand>) {
    const [args] = parameters;
    return (sendCommand.apply(this, parameters) as Promise<T>).then(
      (value) => {
        observer?.onAccepted(args, send);
        return value;
      },
      (thrown: unknown) => {
        const error = withParsedReply(thrown);
        if (error instanceof ReplyError) observer?.onError(args, error);
        throw error;
      },
    );
  };
  target.sendCommand = observed;
}

/** A client inherits from the object that its commands are called on, as clients with other options do. */
function methodsOf(client: RedisClient): Pick<RedisClient, 'sendCommand'> {
  return Object.getPrototypeOf(client) as RedisClient;
}
