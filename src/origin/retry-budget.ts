// Limits how often one request of a caller is repeated, across the layers that may repeat it.

/**
 * One retry unless said otherwise: a client should not repeat a request whose automatic retry has failed
 * (RFC 9110, section 9.2.2).
 */
export class RetryBudget {
  #left: number;

  constructor(retries = 1) {
    this.#left = retries;
  }

  /** Uses up one retry; false if there was none left. */
  take(): boolean {
    if (this.#left === 0) return false;
    this.#left -= 1;
    return true;
  }
}
