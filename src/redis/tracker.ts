// What one connection knows of the keys that were read on it: whether it hears of their changes, and up to when it has.

export interface TrackerOptions {
  /** Whether Redis has agreed to say which keys change. */
  readonly isTracking: boolean;
  /** Resolves when a PING was answered by the deadline. */
  readonly ping: (deadlineAtMs: number) => Promise<unknown>;
}

const pingAfterMs = 1000;
// A link may carry nothing any more in one direction, without an end: what it has not said for this long may be wrong.
const trustedForMs = 2000;

export class Tracker {
  readonly isTracking: boolean;
  readonly #options: TrackerOptions;
  #isLive = true;
  #heardUpToMs = Number.NEGATIVE_INFINITY;
  #isPinging = false;

  constructor(options: TrackerOptions) {
    this.isTracking = options.isTracking;
    this.#options = options;
  }

  get isLive(): boolean {
    return this.#isLive;
  }

  /** The connection has ended, or is being left. */
  end(): void {
    this.#isLive = false;
  }

  /**
   * A command was answered. Replies come in order: all that changed before the command was sent has been heard. When
   * the reply was read says less, since it may have waited.
   */
  answered(sentAtMs: number): void {
    this.#heardUpToMs = Math.max(this.#heardUpToMs, sentAtMs);
  }

  /** Whether all that has changed up to 2 s ago has been heard; asks again where that was known 1 s ago. */
  isCurrent(nowMs: number): boolean {
    const agoMs = nowMs - this.#heardUpToMs;
    if (agoMs > pingAfterMs && this.#isLive && !this.#isPinging) void this.#ping(nowMs);
    return this.#isLive && agoMs <= trustedForMs;
  }

  /** Never rejects: what a missing answer means for the connection is its own matter. */
  async #ping(nowMs: number): Promise<void> {
    this.#isPinging = true;
    try {
      await this.#options.ping(nowMs + trustedForMs);
      this.answered(nowMs);
    } catch {
      // Whoever asks goes to Redis meanwhile.
    } finally {
      this.#isPinging = false;
    }
  }
}
