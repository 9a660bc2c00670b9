// A factory that can be told to be slow and to fail, and that counts what it is asked.

import { delay, type Clock } from '../../src/util/clock.ts';
import type { FactoryContext } from '../../src/exports/cache.ts';

export class ScriptedFactory<T> {
  value: T;
  delayMs = 0;
  /** Thrown instead, whatever it is. */
  failure: unknown;
  calls = 0;
  running = 0;
  peak = 0;
  readonly signals: AbortSignal[] = [];
  readonly #clock: Clock;

  constructor(clock: Clock, value: T) {
    this.#clock = clock;
    this.value = value;
  }

  /** Goes on, and is counted as running, where its signal is aborted: not every factory listens. */
  readonly ask = async ({ signal }: FactoryContext): Promise<T> => {
    this.calls += 1;
    this.running += 1;
    this.peak = Math.max(this.peak, this.running);
    this.signals.push(signal);
    const { value } = this;
    if (this.delayMs > 0) await delay(this.#clock, this.delayMs);
    this.running -= 1;
    return this.failure === undefined ? value : Promise.reject(this.failure);
  };
}
