// The lines of the host and its instances, held back until there is room for them. Used by start.ts.

import type { HostLogLine } from '../functions-host/host.ts';

export class HostLog {
  readonly #held: HostLogLine[] = [];
  readonly #listeners = new Set<(line: HostLogLine) => void>();
  #printing = false;

  add(line: HostLogLine): void {
    if (this.#printing) printLine(line);
    else this.#held.push(line);
    for (const listener of this.#listeners) listener(line);
  }

  print(): void {
    this.#printing = true;
    for (const line of this.#held.splice(0)) printLine(line);
  }

  /** Resolves with the next line that matches. */
  async next(pattern: RegExp, limitMs: number): Promise<HostLogLine> {
    const { promise, resolve, reject } = Promise.withResolvers<HostLogLine>();
    const listener = (line: HostLogLine): void => {
      if (pattern.test(line.message)) resolve(line);
    };
    const timer = setTimeout(() => reject(new Error(`No ${pattern} within ${limitMs} ms.`)), limitMs);
    this.#listeners.add(listener);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      this.#listeners.delete(listener);
    }
  }
}

function printLine({ atMs, source, level, message }: HostLogLine): void {
  if (level === 'debug' || level === 'trace') return;
  const time = new Date(atMs).toISOString().slice(11, 23);
  const mark = level === 'information' ? '' : `${level}: `;
  console.log(`${time} ${source.padEnd(10)} ${mark}${message}`);
}
