// What a connection keeper is given.

import type { TokenKeeper } from '../auth/token-keeper.ts';
import type { Clock } from '../util/clock.ts';
import type { ConnectionPurpose, Emit } from '../telemetry/events.ts';
import type { Histogram } from '../telemetry/histogram.ts';
import type { Admission } from './admission.ts';
import type { CommandObserver } from './command-replies.ts';
import type { Connection } from './connection.ts';
import type { ConnectionOptions, ShakeHands } from './handshake.ts';
import type { Outage } from './outage.ts';
import type { AuthCounts } from './reauthentication.ts';
import type { ClientTracking } from './tracking.ts';

/** What all connections of a process share. */
export interface ConnectionDeps {
  readonly keeper: TokenKeeper;
  readonly admission: Admission;
  /** Opens a client. */
  readonly shakeHands: ShakeHands;
  /** Distinguishes connections in events, also those of other nodes. */
  readonly nextConnectionId: () => number;
  readonly clock: Clock;
  /** A number in [0, 1). */
  readonly random: () => number;
  /** About how many instances there are. */
  readonly instances: () => number;
  readonly emit: Emit;
  /** In an outage older than this requests fail at once instead of waiting for its end. */
  readonly failFastAfterMs: number;
  /** Of calls on connections for commands, until they are answered; those that never are have none. */
  readonly latency?: Histogram | undefined;
}

export interface ConnectionKeeperOptions extends ConnectionDeps {
  readonly purpose: ConnectionPurpose;
  readonly connection: ConnectionOptions;
  readonly counts: AuthCounts;
  readonly observer?: CommandObserver;
  /** Undefined where no keys are read on its connections. */
  readonly tracking?: ClientTracking | undefined;
  /** Awaited before each attempt to connect. */
  readonly before?: (outage: Outage) => Promise<void>;
  /** Prepares a connection for use; the one before is left when this has resolved. Never rejects. */
  readonly onReady?: (connection: Connection) => Promise<void>;
}
