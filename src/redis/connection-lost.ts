// What a command is told that was under way on a connection when that ended.

import { AppError } from '../util/errors.ts';

/** A command failed because its connection has ended. */
export class ConnectionLostError extends AppError {
  /** Whether the command may be what ended the connection: not where that was left, or silent before it was sent. */
  readonly isSuspect: boolean;

  constructor(
    message: string,
    { isSuspect, cause }: { readonly isSuspect: boolean; readonly cause?: unknown },
  ) {
    super('connection-lost', message, { cause });
    this.isSuspect = isSuspect;
  }
}
