// The modules of the package -> ES modules and CommonJS for Node.js 20. Used by scripts/library.ts.
// Writes nothing: the caller decides where what belongs.

import { join, relative } from 'node:path';
import { build, type OutputChunk } from 'rolldown';
import { minifySync } from 'rolldown/utils';
import { textImports } from '../bundling/text-imports.ts';
import type { Entry } from './entries.ts';

/** The name of the file that has the bundled code of other packages. */
const vendored = 'vendored';
/** What verifies the tokens of callers, by itself: nothing else comes with it. */
const vendoredJose = `${vendored}-jose`;

export interface Bundle {
  /** By file name: `<entry>.js` and `<entry>.cjs`, and what they share. */
  readonly files: ReadonlyMap<string, string>;
  /** Paths, relative to the root, of everything that went in. */
  readonly inputs: readonly string[];
}

export interface BundleOptions {
  readonly root: string;
  readonly entries: readonly Entry[];
  readonly version: string;
  /** Packages that whoever installs this one has as well; everything else is bundled. */
  readonly external: readonly string[];
}

export async function bundle(options: BundleOptions): Promise<Bundle> {
  const loaders = options.entries.filter(({ asyncFunctions }) => asyncFunctions !== undefined);
  const whole = options.entries.filter((entry) => !loaders.includes(entry));
  const bundles = [bundleAs('esm', options), bundleAs('cjs', { ...options, entries: whole })];
  const chunks = (await Promise.all(bundles)).flat();
  const inputs = chunks.flatMap(({ moduleIds }) => moduleIds.map((id) => relative(options.root, id)));
  return {
    files: new Map([
      ...chunks.map((chunk) => [chunk.fileName, codeOf(chunk)] as const),
      ...loaders.map((entry) => [`${entry.name}.cjs`, loaderOf(entry)] as const),
    ]),
    inputs: [...new Set(inputs)].toSorted(),
  };
}

/** Code of other packages is made as small as it can be. */
function codeOf({ name, fileName, code }: OutputChunk): string {
  return name === vendored || name === vendoredJose
    ? minifySync(fileName, code, { module: true }).code
    : code;
}

/** A CommonJS module that loads the ES module beside it when it is called. */
function loaderOf({ name, asyncFunctions = [] }: Entry): string {
  const functions = asyncFunctions.map(
    (called) =>
      `exports.${called} = async (...given) => (await import('./${name}.js')).${called}(...given);\n`,
  );
  return `'use strict';\n${functions.join('')}`;
}

async function bundleAs(
  format: 'esm' | 'cjs',
  { root, entries, version, external }: BundleOptions,
): Promise<readonly OutputChunk[]> {
  const extension = format === 'esm' ? 'js' : 'cjs';
  const { output } = await build({
    cwd: root,
    input: Object.fromEntries(entries.map(({ name, source }) => [name, join(root, source)])),
    write: false,
    platform: 'node',
    external: (id) => external.some((name) => id === name || id.startsWith(`${name}/`)),
    plugins: [textImports],
    transform: { target: 'node20', define: { APP_VERSION: JSON.stringify(version) } },
    output: {
      format,
      entryFileNames: `[name].${extension}`,
      // What two entries share is in one file that both load: a class or a variable of it exists once.
      chunkFileNames: `shared/[name]-[hash].${extension}`,
      codeSplitting: {
        groups: [
          { name: vendoredJose, test: /[/\\]node_modules[/\\]jose[/\\]/u, priority: 1 },
          { name: vendored, test: /[/\\]node_modules[/\\]/u },
        ],
      },
      // Lines and names of this project's code stay: people read them in stack traces and debuggers.
      minify: false,
      comments: false,
    },
    // It warns of slow plugins on a busy machine.
    checks: { bundlerTimings: false },
    onLog: (level, log) => {
      throw new Error(`${level}: ${log.message}`);
    },
  });
  return output.filter((file) => file.type === 'chunk');
}
