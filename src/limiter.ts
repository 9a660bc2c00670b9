// Bounds what is done at once, in units of any kind: loads, bytes. First come, first served.
// Used by the loader and the warmup. Knows nothing of what is limited.

/** A place among those that are limited: at first perhaps in the queue. */
export interface Place {
  /** Whether its turn has come. */
  readonly entered: boolean;
  /** Resolves when it has; never if it is left before. */
  readonly turn: Promise<void>;
  /** Gives it to the next; leaving twice is leaving once. */
  leave(): void;
}

interface Waiting {
  readonly units: number;
  readonly enter: () => void;
}

export class Limiter {
  readonly #most: number;
  readonly #waiting: Waiting[] = [];
  #used = 0;

  /** @param most units in use at once; a task that needs more runs alone. */
  constructor(most: number) {
    this.#most = most;
  }

  /** Takes `units` if they are free, else a place in the queue for them. */
  enter(units: number): Place {
    const turn = Promise.withResolvers<void>();
    let state: 'waiting' | 'entered' | 'left' = 'waiting';
    const waiting: Waiting = {
      units: Math.min(units, this.#most),
      enter: () => {
        state = 'entered';
        turn.resolve();
      },
    };
    this.#waiting.push(waiting);
    this.#admit();
    return {
      get entered() {
        return state === 'entered';
      },
      turn: turn.promise,
      leave: () => {
        if (state === 'entered') this.#used -= waiting.units;
        if (state === 'waiting') this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
        state = 'left';
        this.#admit();
      },
    };
  }

  /** Runs `task` when `units` are free. */
  async run<T>(units: number, task: () => Promise<T>): Promise<T> {
    const place = this.enter(units);
    if (!place.entered) await place.turn;
    try {
      return await task();
    } finally {
      place.leave();
    }
  }

  #admit(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (this.#used + next.units > this.#most) return;
      this.#waiting.shift();
      // Taken before the waiter runs: nobody slips in between.
      this.#used += next.units;
      next.enter();
    }
  }
}
