// Builds what others import: dist/, ES modules and CommonJS with their types, the same bytes from the same input.
// Used by `npm run library`, `npm pack`, `npm run check` and the tests. Writes below its output directory only,
// and with `--accept` the reports of the public surface, docs/api/*.api.md.

import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { cacheDefaults } from '../src/exports/cache-options.ts';
import { apiOf } from '../src/exports/openapi-parts.ts';
import { openApiDocument } from '../src/http/openapi/document.ts';
import { bundle } from './library/bundle.ts';
import { declarations } from './library/declarations.ts';
import { entries } from './library/entries.ts';
import { thirdPartyLicences } from './package/licences.ts';

const root = join(import.meta.dirname, '..');

export interface BuiltLibrary {
  readonly directory: string;
  /** The public types of each entry, by its name. */
  readonly types: ReadonlyMap<string, string>;
  /** The public surface of each entry, by its name. */
  readonly reports: ReadonlyMap<string, string>;
}

/** @param directory `dist` unless another is named; it is emptied first. */
export async function buildLibrary(directory = join(root, 'dist')): Promise<BuiltLibrary> {
  const { version, dependencies, peerDependencies } = await readManifest();
  const external = Object.keys({ ...dependencies, ...peerDependencies });
  const [{ files, inputs }, { types, reports }] = await Promise.all([
    bundle({ root, entries, version, external }),
    declarations(root, entries),
  ]);
  await rm(directory, { recursive: true, force: true });
  const write = async (name: string, text: string): Promise<void> => {
    await mkdir(dirname(join(directory, name)), { recursive: true });
    await writeFile(join(directory, name), text);
  };
  for (const [name, code] of files) await write(name, code);
  for (const [name, text] of types) {
    // Neither imports a file of the package, so that both kinds of module can have the same text.
    await write(`${name}.d.ts`, text);
    await write(`${name}.d.cts`, text);
  }
  await write('openapi.json', `${JSON.stringify(openApi(version), null, 2)}\n`);
  if (inputs.some((input) => input.startsWith('node_modules/'))) {
    await write('THIRD-PARTY-LICENSES.txt', await thirdPartyLicences(root, inputs));
  }
  return { directory, types, reports };
}

/** Of an app with the defaults of all settings, whoever may call it. */
function openApi(version: string): object {
  const api = apiOf(
    { route: 'cache', batchRoute: 'batch', purgeRoute: 'purge', openapiRoute: 'openapi.json' },
    {
      settings: { ...cacheDefaults, query: 'reject' },
      security: 'keys-or-tokens',
      routes: { fleet: { route: 'fleet', security: 'keys-or-tokens' }, probes: 'health' },
    },
  );
  return openApiDocument({ ...api, version, basePath: '/api' });
}

interface Manifest {
  readonly version: string;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
}

async function readManifest(): Promise<Manifest> {
  return JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as Manifest;
}

/** Where the committed report of each entry is. */
export function reportPath(name: string): string {
  return join(root, 'docs/api', `${name}.api.md`);
}

if (import.meta.main) {
  const startedAtMs = Date.now();
  const { directory, reports } = await buildLibrary();
  if (process.argv.includes('--accept')) {
    for (const [name, report] of reports) await writeFile(reportPath(name), report);
  }
  console.log(`Built ${relative(root, directory)}/ in ${Date.now() - startedAtMs} ms`);
}
