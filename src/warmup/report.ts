// What a warmup run has done, counted.

export interface WarmupReport {
  readonly listed: number;
  /** Cached, unchanged and fresh until after the next run. */
  readonly current: number;
  /** Unchanged; given a new lifetime without moving a body. */
  readonly renewed: number;
  readonly loaded: number;
  /** Of the bodies that were loaded. */
  readonly bytes: number;
  /** Written by somebody other than the origin, or by a newer version of the app, and left alone. */
  readonly kept: number;
  readonly failed: Readonly<Record<string, number>>;
  /** Some of those that failed because they are larger than the limit, by name. */
  readonly tooLarge: readonly string[];
  readonly seconds: number;
  /** False when the run stopped before the end of the warm set; the next one goes on there. */
  readonly complete: boolean;
}

const maxNames = 20;

export class Tally {
  readonly counts = { listed: 0, current: 0, renewed: 0, loaded: 0, bytes: 0, kept: 0 };
  readonly #failed: Record<string, number> = {};
  readonly #tooLarge: string[] = [];

  fail(cause: string): void {
    this.#failed[cause] = (this.#failed[cause] ?? 0) + 1;
  }

  failTooLarge(name: string): void {
    this.fail('value-too-large');
    if (this.#tooLarge.length < maxNames) this.#tooLarge.push(name);
  }

  report(seconds: number, complete: boolean): WarmupReport {
    return {
      ...this.counts,
      failed: this.#failed,
      tooLarge: this.#tooLarge,
      seconds: Math.round(seconds * 10) / 10,
      complete,
    };
  }
}
