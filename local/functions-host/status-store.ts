// Where the host keeps when each timer last ran, in the place of the blobs in AzureWebJobsStorage that the real host
// keeps it in. Without it a tick that was missed while the host was down is not noticed.
// https://github.com/Azure/azure-webjobs-sdk-extensions/blob/dev/src/WebJobs.Extensions/Extensions/Timers/Scheduling/FileSystemScheduleMonitor.cs

import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { statusFromJson, statusToJson, type ScheduleStatus } from './timers.ts';

export interface StatusStore {
  read(timerName: string): Promise<ScheduleStatus | undefined>;
  write(timerName: string, status: ScheduleStatus): Promise<void>;
}

/** Ends with the host. */
export function memoryStore(): StatusStore {
  const statuses = new Map<string, ScheduleStatus>();
  return {
    read: async (name) => statuses.get(name),
    write: async (name, status) => void statuses.set(name, status),
  };
}

/** Outlives the host. */
export function fileStore(directory: string): StatusStore {
  const pathOf = (name: string): string => join(directory, `${name}.status`);
  return {
    async read(name) {
      try {
        return statusFromJson(JSON.parse(await readFile(pathOf(name), 'utf8')) as Record<string, string>);
      } catch {
        // None yet, or one that nobody can read: the timer begins anew, as one that was never seen.
        return undefined;
      }
    },
    async write(name, status) {
      await mkdir(directory, { recursive: true });
      const path = pathOf(name);
      await writeFile(`${path}.new`, JSON.stringify(statusToJson(status)));
      await rename(`${path}.new`, path);
    },
  };
}
