// src/main.ts and what it imports -> a few ESM files. Used by scripts/package.ts.
// Writes nothing: the caller decides where what belongs.

import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { build, type BuildOptions, type Plugin } from 'esbuild';

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
  const common = optionsOf(root, version);
  const builds = await Promise.all([
    // What is imported dynamically is a file of its own, loaded when it is asked for.
    build({
      ...common,
      entryPoints: { main: 'src/main.ts' },
      splitting: true,
      plugins: [quickCommands, setApart, esModules],
    }),
    build({
      ...common,
      entryPoints: { [apart]: `src/telemetry/opentelemetry/${apart}.ts` },
      plugins: [esModules],
    }),
  ]);
  const named = builds
    .flatMap(({ outputFiles }) => outputFiles)
    .map(({ path, contents }) => [basename(path), contents] as const)
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
  const inputs = builds.flatMap(({ metafile }) =>
    Object.values(metafile.outputs).flatMap((output) => Object.keys(output.inputs)),
  );
  return {
    files: new Map(named.filter(([name]) => !name.endsWith('.map'))),
    sourceMaps: new Map(named.filter(([name]) => name.endsWith('.map'))),
    inputs: [...new Set(inputs)],
  };
}

function optionsOf(root: string, version: string) {
  return {
    absWorkingDir: root,
    outdir: join(root, 'out/app'),
    write: false,
    metafile: true,
    outExtension: { '.js': '.mjs' },
    define: { APP_VERSION: JSON.stringify(version) },
    bundle: true,
    chunkNames: '[name]-[hash]',
    platform: 'node',
    format: 'esm',
    target: 'node22',
    // Names stay: they appear in errors that people read. `keepNames` would keep them too, with a call for each
    // function and class at every start: 10 ms of 200.
    minifySyntax: true,
    minifyWhitespace: true,
    // Node.js prints the whole line of an error that nobody caught.
    lineLimit: 1000,
    sourcemap: 'external',
    legalComments: 'none',
    // The Functions worker supplies this module through `require`
    // (https://github.com/Azure/azure-functions-nodejs-worker/blob/v4.x/src/setupCoreModule.ts).
    external: ['@azure/functions-core'],
    // By a name of its own: what is bundled may import it, too, and then is no module.
    banner: {
      js: "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);",
    },
    loader: { '.html': 'text', '.css': 'text', '.browser.js': 'text' },
    logLevel: 'warning',
  } as const satisfies BuildOptions;
}

const setApart: Plugin = {
  name: 'set-apart',
  setup: (context) => {
    context.onResolve({ filter: new RegExp(`/${apart}\\.ts$`) }, () => ({
      path: `./${apart}.mjs`,
      external: true,
    }));
  },
};

// The packages of OpenTelemetry name their ES modules for bundlers only. In those of CommonJS nothing can be left out:
// 180 KiB of names alone.
const esModules: Plugin = {
  name: 'es-modules',
  setup: (context) => {
    context.onResolve({ filter: /^@opentelemetry\/[\w-]+$/ }, async ({ path, pluginData, ...from }) => {
      if (pluginData === esModules) return undefined;
      const { kind, importer, resolveDir } = from;
      const found = await context.resolve(path, { kind, importer, resolveDir, pluginData: esModules });
      const folder = /^.*\/node_modules\/@opentelemetry\/[\w-]+/u.exec(found.path)?.[0];
      if (folder === undefined) return found;
      const manifest = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as {
        module?: string;
      };
      return manifest.module === undefined ? found : { ...found, path: join(folder, manifest.module) };
    });
  },
};

// node-redis puts its 800 commands on two prototypes, one by one. V8 copies the table of a prototype's properties
// for each that is added (quadratic: 50 ms of a start), unless the prototype is a dictionary, which deleting a
// property makes of it; on first use V8 makes it fast again. Nothing else about the client changes.
const emptyClass = 'Class = class extends BaseClass {\n    };';
const asDictionary =
  'Class.prototype.first = Class.prototype.second = 0; delete Class.prototype.first; delete Class.prototype.second;';

const quickCommands: Plugin = {
  name: 'quick-commands',
  setup: (context) => {
    context.onLoad(
      { filter: /[/\\]@redis[/\\]client[/\\]dist[/\\]lib[/\\]commander\.js$/ },
      async ({ path }) => {
        const text = await readFile(path, 'utf8');
        if (text.split(emptyClass).length !== 2)
          throw new Error(
            'node-redis attaches its commands in another way now: see whether this is still slow.',
          );
        return { contents: text.replace(emptyClass, `${emptyClass}\n${asDictionary}`), loader: 'js' };
      },
    );
  },
};
