// src/main.ts and what it imports -> a few ESM files. Used by scripts/package.ts.
// Writes nothing: the caller decides where what belongs.

import { readFile } from 'node:fs/promises';
import { isAbsolute, join, relative } from 'node:path';
import { build, type OutputChunk, type OutputOptions, type Plugin } from 'rolldown';
import { textImports } from '../bundling/text-imports.ts';
import { lazyCommands, restOfCommands } from './lazy-commands.ts';
import { managedIdentityAlone, msalDeclares } from './managed-identity-alone.ts';
import { privateFields } from './private-fields.ts';

export interface Bundle {
  /** By file name, sorted: `main.mjs`, and what is loaded by it or on first use. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** The source map of each file, by its name with `.map`. */
  readonly sourceMaps: ReadonlyMap<string, Uint8Array>;
  /** Paths, relative to the root, of everything that went in. */
  readonly inputs: readonly string[];
}

/**
 * Bundled without sharing anything: code of the Azure SDK that only this needs would else be in files that every start
 * loads.
 */
const apart = 'azure-monitor';

export async function bundle(root: string, version: string): Promise<Bundle> {
  const bundleOf = bundler(root, version);
  const builds = await Promise.all([
    mainOf(bundleOf),
    bundleOf({ [apart]: `src/telemetry/opentelemetry/${apart}.ts` }, [], { codeSplitting: false }),
    bundleOf(restOfCommands.input, [restOfCommands.plugin], restOfCommands.output),
  ]);
  const chunks = builds.flat().toSorted((a, b) => (a.fileName < b.fileName ? -1 : 1));
  const paths = chunks.flatMap(({ moduleIds }) => moduleIds.filter((id) => isAbsolute(id)));
  return {
    files: new Map(chunks.map(({ fileName, code }) => [fileName, Buffer.from(code)])),
    sourceMaps: new Map(chunks.map(({ fileName, map }) => [`${fileName}.map`, Buffer.from(String(map))])),
    inputs: [...new Set(paths)].map((path) => relative(root, path)).toSorted(),
  };
}

type Chunks = readonly OutputChunk[];
type BundleOf = (
  input: Readonly<Record<string, string>>,
  plugins: readonly Plugin[],
  options?: OutputOptions,
) => Promise<Chunks>;

/**
 * Twice. The first time it has a file for each set of parts that share a module, and a start loads twenty; from that
 * the second knows what a start loads, and puts it into two.
 */
async function mainOf(bundleOf: BundleOf): Promise<Chunks> {
  const make = (options?: OutputOptions): Promise<Chunks> =>
    bundleOf({ main: 'src/main.ts' }, [lazyCommands, managedIdentityAlone, privateFields, setApart], options);
  const groups = [{ name: startFilesOf(await make()) }];
  return make({ codeSplitting: { includeDependenciesRecursively: false, groups } });
}

function bundler(root: string, version: string): BundleOf {
  return async (input, plugins, options = {}) => {
    const { output } = await build({
      cwd: root,
      input,
      plugins: [...plugins, textImports, esModules],
      write: false,
      platform: 'node',
      // The Functions worker supplies this module through `require`
      // (https://github.com/Azure/azure-functions-nodejs-worker/blob/v4.x/src/setupCoreModule.ts).
      external: ['@azure/functions-core'],
      // What is put into files as `mainOf` says may be exported by others than before.
      preserveEntrySignatures: 'allow-extension',
      treeshake: { moduleSideEffects: [msalDeclares] },
      transform: { target: 'node22', define: { APP_VERSION: JSON.stringify(version) } },
      output: {
        format: 'esm',
        entryFileNames: '[name].mjs',
        // What is imported dynamically is a file of its own, loaded when it is asked for.
        chunkFileNames: '[name]-[hash].mjs',
        // By a name of its own: what is bundled may import it, too, and then is no module.
        banner:
          "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);",
        sourcemap: 'hidden',
        // Names stay: they appear in errors that people read. So do lines: of an error that nobody caught Node.js
        // prints the whole line.
        minify: { mangle: false, compress: true, codegen: { removeWhitespace: false } },
        comments: false,
        ...options,
      },
      // It warns of slow plugins on a busy machine.
      checks: { bundlerTimings: false },
      onLog: (level, log) => {
        throw new Error(`${level}: ${log.message}`);
      },
    });
    return output.filter((file) => file.type === 'chunk');
  };
}

/** The file of each module that every start loads: before its request for a token has left, or after that. */
function startFilesOf(chunks: Chunks): (module: string) => string | null {
  const byName = new Map(chunks.map((chunk) => [chunk.fileName, chunk]));
  const fileOf = new Map<string, string>();
  const seen = new Set<string>();
  const add = (fileName: string, file: string): void => {
    const chunk = byName.get(fileName);
    if (chunk === undefined || seen.has(fileName)) return;
    seen.add(fileName);
    if (!chunk.isEntry && !chunk.isDynamicEntry) for (const id of chunk.moduleIds) fileOf.set(id, file);
    for (const imported of chunk.imports) add(imported, file);
  };
  add('main.mjs', 'start');
  for (const { fileName, facadeModuleId } of chunks) {
    if (facadeModuleId?.endsWith('/src/app.ts') === true) add(fileName, 'shared');
  }
  return (module) => fileOf.get(module) ?? null;
}

const setApart: Plugin = {
  name: 'set-apart',
  resolveId: (id) => (id.endsWith(`/${apart}.ts`) ? { id: `./${apart}.mjs`, external: true } : undefined),
};

// The packages of OpenTelemetry name their ES modules for bundlers only. In those of CommonJS nothing can be left out:
// 180 KiB of names alone.
const esModules: Plugin = {
  name: 'es-modules',
  resolveId: {
    filter: { id: /^@opentelemetry\/[\w-]+$/ },
    async handler(id, importer) {
      const found = await this.resolve(id, importer, { skipSelf: true });
      const folder = /^.*[/\\]node_modules[/\\]@opentelemetry[/\\][\w-]+/u.exec(found?.id ?? '')?.[0];
      if (found === null || folder === undefined) return found;
      const { module } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as {
        module?: string;
      };
      return module === undefined ? found : { ...found, id: join(folder, module) };
    },
  },
};
