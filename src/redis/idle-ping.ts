// Pings a connection that has been idle for long: one timer for all of them, and none for a command.

import type { Clock } from '../util/clock.ts';
import type { ConnectionOptions } from './handshake.ts';

const defaultPingTimeoutMs = 5000;

export interface PingedConnection {
  /** When the last reply came. */
  readonly repliedAtMs: () => number;
  readonly ping: (deadlineAtMs: number) => Promise<unknown>;
}

export class IdlePing {
  readonly #clock: Clock;
  readonly #options: Pick<ConnectionOptions, 'pingAfterMs' | 'pingTimeoutMs'>;
  readonly #connection: PingedConnection;
  #cancelTimer = (): void => {};

  constructor(
    clock: Clock,
    options: Pick<ConnectionOptions, 'pingAfterMs' | 'pingTimeoutMs'>,
    connection: PingedConnection,
  ) {
    this.#clock = clock;
    this.#options = options;
    this.#connection = connection;
    this.#checkAfter(options.pingAfterMs);
  }

  stop(): void {
    this.#cancelTimer();
  }

  #checkAfter(delayMs: number): void {
    this.#cancelTimer = this.#clock.after(delayMs, () => {
      const { pingAfterMs, pingTimeoutMs = defaultPingTimeoutMs } = this.#options;
      const nowMs = this.#clock.nowMs();
      const leftMs = this.#connection.repliedAtMs() + pingAfterMs - nowMs;
      this.#checkAfter(leftMs > 0 ? leftMs : pingAfterMs);
      // What a missing reply means is a matter of the connection's watchdog.
      if (leftMs <= 0) this.#connection.ping(nowMs + pingTimeoutMs).catch(() => {});
    });
  }
}
