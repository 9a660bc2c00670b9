// Puts another connection in the place of a live one: the successor is ready before the connection is left.

import type { Token } from '../auth/token.ts';
import type { Clock } from '../util/clock.ts';
import type { Emit } from '../telemetry/events.ts';
import type { Admission } from './admission.ts';
import type { Connection } from './connection.ts';
import type { ConnectionOpener } from './connection-opener.ts';

export interface ReplacementOptions {
  readonly opener: ConnectionOpener;
  readonly admission: Admission;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly closeGraceMs: number;
  readonly isCurrent: (connection: Connection) => boolean;
  /** Brings the successor to its use. */
  readonly adopt: (successor: Connection, startedAtMs: number) => Promise<void>;
}

export class Replacement {
  readonly #options: ReplacementOptions;
  readonly #replacing = new Set<Connection>();

  constructor(options: ReplacementOptions) {
    this.#options = options;
  }

  /** For one that AUTH could not bring to this token; false when that did not work. */
  ofExpiring(connection: Connection, token: Token): Promise<boolean> {
    return this.#replace(connection, 'its token is about to expire and AUTH failed', token, () => true);
  }

  /** For one that does not say which keys change; where Redis refuses that, it stays. */
  async ofUntracked(connection: Connection): Promise<void> {
    const token = this.#options.admission.offer();
    if (token === undefined) return;
    await this.#replace(
      connection,
      'changes of keys are of interest now',
      token,
      (successor) => successor.tracker.isTracking,
    );
  }

  async ofBlocked(connection: Connection): Promise<void> {
    const token = this.#options.admission.offer();
    const reason = 'it is busy with answers that nobody waits for any more';
    if (token !== undefined) await this.#replace(connection, reason, token, () => connection.isBlocked);
  }

  async #replace(
    connection: Connection,
    reason: string,
    token: Token,
    isStillWanted: (successor: Connection) => boolean,
  ): Promise<boolean> {
    if (this.#replacing.has(connection)) return false;
    this.#replacing.add(connection);
    const { opener, clock, emit, closeGraceMs, isCurrent, adopt } = this.#options;
    try {
      const startedAtMs = clock.nowMs();
      const successor = await opener.openWith(token);
      const isInUse = isCurrent(connection);
      if (!isInUse || !successor.isLive || !isStillWanted(successor)) {
        await successor.close(0);
        return !isInUse;
      }
      emit({
        type: 'connectionReplaced',
        connectionId: connection.id,
        successorId: successor.id,
        reason,
      });
      await adopt(successor, startedAtMs);
      await (connection.isBlocked ? connection.leave(closeGraceMs) : connection.close(closeGraceMs));
      return true;
    } catch {
      // It is tried again; if the server cuts first, the ordinary reconnect takes over.
      return false;
    } finally {
      this.#replacing.delete(connection);
    }
  }
}
