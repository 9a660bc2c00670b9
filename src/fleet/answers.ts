// The reports that answer one roll call, and the wait for them.

import type { Clock } from '../util/clock.ts';
import { deferred } from '../util/deferred.ts';
import type { Report } from './messages.ts';

export class Answers {
  /** By instance; of one that reported twice, the last. */
  readonly reports = new Map<string, Report>();
  readonly #waiting = deferred<void>();
  #isComplete = (): boolean => false;

  add(report: Report): void {
    this.reports.set(report.id, report);
    if (this.#isComplete()) this.#waiting.resolve();
  }

  /**
   * Resolves with a report for each connection that heard the announcement, and of each instance that was there before;
   * at the latest after `limitMs`.
   */
  async all(receivers: number, present: readonly string[], clock: Clock, limitMs: number): Promise<void> {
    this.#isComplete = () => this.reports.size >= receivers && present.every((id) => this.reports.has(id));
    if (this.#isComplete()) return;
    const cancel = clock.after(limitMs, this.#waiting.resolve);
    await this.#waiting.promise;
    cancel();
  }
}
