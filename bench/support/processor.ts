// The processor time that the instances of a local host have used. Used by the benches.

import { readFileSync } from 'node:fs';
import type { Host } from '../../local/functions-host/host.ts';

/** In milliseconds; NaN where the system does not say it (https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html). */
export function processorMs({ instances }: Host): number {
  const msPerTick = 10;
  const usedMs = instances.map(({ pid }) => {
    try {
      // The name of the program, in parentheses, may have spaces.
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
        .replace(/^.*\) /u, '')
        .split(' ');
      return (Number(fields[11]) + Number(fields[12])) * msPerTick;
    } catch {
      return Number.NaN;
    }
  });
  return usedMs.reduce((sum, ms) => sum + ms, 0);
}
