// What a connection is opened with, and whom it tells of its end.

import type { Token } from '../auth/token.ts';
import type { Histogram } from '../telemetry/histogram.ts';
import type { Clock } from '../util/clock.ts';
import type { AppError } from '../util/errors.ts';
import type { CommandObserver } from './command-replies.ts';
import type { ConnectionOptions, ShakeHands } from './handshake.ts';
import type { ClientTracking } from './tracking.ts';

export interface ConnectionEvents<Connection> {
  /** Once, when the connection has ended without `close()`. */
  readonly onLost: (reason: AppError, connection: Connection) => void;
  /** New commands wait behind replies that nobody waits for any more; called again while that goes on. */
  readonly onBlocked: (connection: Connection) => void;
  /** Of answered calls. */
  readonly latency?: Histogram | undefined;
}

export interface OpenOptions<Connection> extends ConnectionEvents<Connection> {
  readonly id: number;
  readonly options: ConnectionOptions;
  readonly clock: Clock;
  readonly token: () => Promise<Token>;
  readonly shakeHands: ShakeHands;
  readonly observer?: CommandObserver | undefined;
  /** Of the client that this is a connection of, where it carries commands. */
  readonly tracking?: ClientTracking | undefined;
}
