// The Node.js versions that a test can run a program on.

import { accessSync, constants } from 'node:fs';
import { delimiter, join, sep } from 'node:path';

/** The project's own, and the machine's, which may be as old as Node.js 20. */
export const nodeVersions: readonly string[] = [process.execPath, ...ofTheMachine()];

function ofTheMachine(): readonly string[] {
  const outside = (process.env['PATH'] ?? '')
    .split(delimiter)
    .filter((directory) => directory !== '' && !directory.split(sep).includes('node_modules'))
    .map((directory) => join(directory, 'node'));
  const first = outside.find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
  return first === undefined ? [] : [first];
}
