// The zip that azd makes of the folder it deploys.

import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Service } from './azure-yaml.ts';
import { packs } from './decisions.ts';
import { AzdRefusal } from './refusal.ts';

/**
 * The files below the folder that go into the zip, by their names in it. Symbolic links are followed.
 * Follows pkg/project/project_utils.go, createDeployableZip, and pkg/rzip/rzip.go, addDir.
 */
export async function packedFiles(directory: string, service: Service): Promise<Map<string, Uint8Array>> {
  const included = packs(await ignoreFileIn(directory), service);
  const files = new Map<string, Uint8Array>();
  const add = async (prefix: string): Promise<void> => {
    for (const name of (await readdir(join(directory, prefix))).toSorted()) {
      const path = `${prefix}${name}`;
      const isDirectory = (await stat(join(directory, path))).isDirectory();
      if (!included(isDirectory ? `${path}/` : path)) continue;
      if (isDirectory) await add(`${path}/`);
      else files.set(path, await readFile(join(directory, path)));
    }
  };
  await add('');
  if (files.size === 0) {
    throw new AzdRefusal(
      'pkg/project/framework_service_node.go, nodeProject.Package',
      `The package source '${service.dist}' is empty.`,
    );
  }
  return files;
}

async function ignoreFileIn(directory: string): Promise<string | undefined> {
  try {
    return await readFile(join(directory, '.funcignore'), 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    throw error;
  }
}

export type Files = ReadonlyMap<string, Uint8Array>;

/** The names of the files that are in one of the two only, or differ. */
export function differences(a: Files, b: Files): readonly string[] {
  return [...new Set([...a.keys(), ...b.keys()])].filter((name) => {
    const [ofA, ofB] = [a.get(name), b.get(name)];
    return ofA === undefined || ofB === undefined || Buffer.compare(ofA, ofB) !== 0;
  });
}
