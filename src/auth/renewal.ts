// How a renewal ends, for everybody who waits for it.

/** How a renewal that somebody asked for ended. */
export type Renewal =
  | { readonly kind: 'rotated'; readonly expiresAtMs: number }
  | { readonly kind: 'not-due' }
  | { readonly kind: 'not-advancing' }
  | { readonly kind: 'failed'; readonly reason: string };

export class RenewalWaiters {
  #waiting: ((renewal: Renewal) => void)[] = [];

  wait(): Promise<Renewal> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  settle(renewal: Renewal): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve(renewal);
  }
}
