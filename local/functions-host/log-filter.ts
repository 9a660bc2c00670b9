// Which log lines are kept: the levels of host.json by category, and the levels that the host guesses for console
// output. https://learn.microsoft.com/azure/azure-functions/configure-monitoring#configure-log-levels

import type { LogLevel } from './protocol.ts';

/** Of what a worker writes to its streams. */
export const consoleCategory = 'Host.Function.Console';

export type LogFilter = (category: string, level: LogLevel) => boolean;

const levels: readonly LogLevel[] = ['trace', 'debug', 'information', 'warning', 'error', 'critical', 'none'];

/** @param rules level by category, `default` for all others; the longest category that begins a line's own counts. */
export function logFilter(rules: readonly (readonly [category: string, level: string])[]): LogFilter {
  const least = rules
    .map(([category, level]) => ({ category: category.toLowerCase(), rank: rankOf(level) }))
    .toSorted((a, b) => b.category.length - a.category.length);
  const fallback = least.find(({ category }) => category === 'default')?.rank ?? rankOf('information');
  const ranks = new Map<string, number>();
  return (category, level) => {
    let rank = ranks.get(category);
    if (rank === undefined) {
      const name = category.toLowerCase();
      rank =
        least.find((rule) => rule.category !== 'default' && name.startsWith(rule.category))?.rank ?? fallback;
      ranks.set(category, rank);
    }
    return level !== 'none' && rankOf(level) >= rank;
  };
}

function rankOf(level: string): number {
  const rank = levels.findIndex((one) => one === level.toLowerCase());
  if (rank === -1) throw new Error(`host.json: "${level}" is no log level.`);
  return rank;
}

/**
 * What a worker wrote to a stream, as records of the log: one for each line. Standard output is information; of
 * standard error the host guesses by the text of each line (WorkerProcess.cs, ParseErrorMessageAndLog).
 */
export function consoleRecords(
  stream: 'stdout' | 'stderr',
  text: string,
): readonly { readonly level: LogLevel; readonly message: string }[] {
  return text
    .split(/\r?\n/u)
    .filter((line) => line !== '')
    .map((message) => ({ level: stream === 'stdout' ? 'information' : levelOf(message), message }));
}

function levelOf(message: string): LogLevel {
  if (/warn/iu.test(message)) return 'warning';
  return /error|fail|severe|unhandled exception/iu.test(message) ? 'error' : 'information';
}
