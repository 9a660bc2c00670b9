// What a warmup run has done, in numbers.

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
  /** By cause. */
  readonly failed: Readonly<Record<string, number>>;
  /** Names of some that are larger than the limit. */
  readonly tooLarge: readonly string[];
  readonly seconds: number;
  /**
   * False when the run stopped before the end of the warm set, and the next one continues there; and when a part of it
   * could not be listed.
   */
  readonly complete: boolean;
}
