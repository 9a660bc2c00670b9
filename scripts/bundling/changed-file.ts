// Changes a module of another package on its way into a bundle, and fails where it is not what the change is for.

import { readFile } from 'node:fs/promises';

/** What is there once, and what takes its place. */
export type Change = readonly [from: string, to: string];

/** @throws Error where a text is missing or is there more than once. */
export async function changedFile(path: string, changes: readonly Change[]): Promise<string> {
  const text = await readFile(path, 'utf8');
  return changes.reduce((changed, [from, to]) => {
    if (changed.split(from).length !== 2) {
      throw new Error(
        `${path} is not what it was: see whether it still has to be changed. Not there once: ${from}`,
      );
    }
    return changed.replace(from, () => to);
  }, text);
}
