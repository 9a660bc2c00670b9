// Whether node_modules is what package-lock.json asks for.
// Plain JavaScript for Node.js 20, with no dependency: it runs before anything is installed.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Compares the lock file with the record that npm leaves in node_modules, and looks for each package that the record
 * names: npm removes node_modules first and writes the record last, but people remove folders too.
 * @param {string} folder
 */
export function packagesAreInstalled(folder) {
  const recordPath = join(folder, 'node_modules', '.package-lock.json');
  if (!existsSync(recordPath)) return false;
  const record = readFileSync(recordPath, 'utf8');
  const lock = readFileSync(join(folder, 'package-lock.json'), 'utf8');
  try {
    return isInstalled(lock, record) && foldersOf(record).every((path) => existsSync(join(folder, path)));
  } catch (error) {
    // A record that was cut is no record.
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}

/**
 * Whether npm's record of what it installed has every package of the lock file, at its version, and no other.
 * @param {string} lock package-lock.json @param {string} record node_modules/.package-lock.json
 */
export function isInstalled(lock, record) {
  const { '': _root, ...locked } = JSON.parse(lock).packages;
  const found = JSON.parse(record).packages;
  const same = (a, b) => a?.version === b.version && a?.integrity === b.integrity;
  return (
    Object.entries(found).every(([path, entry]) => same(locked[path], entry)) &&
    // Packages for other platforms are in the lock file only.
    Object.entries(locked).every(([path, entry]) => Object.hasOwn(found, path) || entry.optional === true)
  );
}

/** @param {string} record */
function foldersOf(record) {
  return Object.keys(JSON.parse(record).packages).map((path) => join(path, 'package.json'));
}
