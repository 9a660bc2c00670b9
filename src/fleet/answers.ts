// The reports that answer one roll call, and when there are enough of them.

import type { Report } from './messages.ts';

export class Answers {
  readonly #reports = new Map<string, Report>();
  readonly #closed = Promise.withResolvers<void>();
  #isComplete = (): boolean => false;

  /** By instance; of one that reported twice, the last. */
  get reports(): ReadonlyMap<string, Report> {
    return this.#reports;
  }

  add(report: Report): void {
    this.#reports.set(report.id, report);
    this.#closeIfComplete();
  }

  /** Complete with a report for each connection that heard the announcement, and of each instance that was there. */
  expect(receivers: number, present: readonly string[]): void {
    this.#isComplete = () => this.#reports.size >= receivers && present.every((id) => this.#reports.has(id));
    this.#closeIfComplete();
  }

  /** Ends the waiting, complete or not. */
  close(): void {
    this.#closed.resolve();
  }

  async untilClosed(): Promise<void> {
    await this.#closed.promise;
  }

  #closeIfComplete(): void {
    if (this.#isComplete()) this.close();
  }
}
