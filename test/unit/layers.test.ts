// Holds the source tree to its shape: imports go one way, between files and between folders.

import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';

/** Each may import itself and what stands after it. */
const layers = [
  'main.ts',
  'app.ts',
  'config',
  'exports',
  'functions',
  'http',
  'warmup',
  'fleet',
  'cache',
  'origin',
  'redis',
  'auth',
  'telemetry',
  'client',
  'util',
];
const root = join(import.meta.dirname, '../../src');

interface Import {
  readonly from: string;
  readonly to: string;
}

const files = globSync('**/*.ts', { cwd: root });
const imports = files.flatMap((file) => importsOf(file, readFileSync(join(root, file), 'utf8')));

function importsOf(file: string, text: string): Import[] {
  const specifiers = text.matchAll(
    /^(?:import|export)\b[^'";]*from '(?<from>\.[^']+)'|^import '(?<bare>\.[^']+)'|import\('(?<dynamic>\.[^']+)'\)/gmu,
  );
  return [...specifiers].map(({ groups }) => {
    const specifier = groups?.['from'] ?? groups?.['bare'] ?? groups?.['dynamic'] ?? '';
    return { from: file, to: relative(root, join(root, dirname(file), specifier)) };
  });
}

const layerOf = (file: string): number => layers.indexOf(file.split('/')[0] ?? '');
const text = ({ from, to }: Import): string => `${from} imports ${to}`;

/** What the folders above see of Redis: the port, the names of own keys, and why a command was refused. */
const openOfRedis: ReadonlySet<string> = new Set(
  ['redis.ts', 'own-name.ts', 'reply-error.ts'].map((name) => `redis/${name}`),
);

function faultsOf(all: readonly Import[]): readonly string[] {
  const upwards = all.filter(({ from, to }) => layerOf(to) < layerOf(from)).map(text);
  const config = all
    .filter(({ from, to }) => to.startsWith('config/') && !/^(?:main\.ts|app\.ts|config\/.*)$/u.test(from))
    .map(text);
  const redis = all
    .filter(
      ({ from, to }) => to.startsWith('redis/') && !/^(?:redis\/|app\.ts|config\/|exports\/)/u.test(from),
    )
    .filter(({ to }) => !openOfRedis.has(to))
    .map(text);
  // auth, redis and fleet can be lifted out with what stands below them.
  const liftable = all
    .filter(({ from, to }) => /^(?:auth|redis|fleet)\//u.test(from) && /^(?:cache|origin)\//u.test(to))
    .map(text);
  return [...upwards, ...config, ...redis, ...liftable];
}

/** One cycle, as the way around it; undefined where there is none. */
function cycleOf(edges: readonly Import[]): readonly string[] | undefined {
  const next = new Map<string, Set<string>>();
  for (const { from, to } of edges) {
    if (from !== to) next.set(from, (next.get(from) ?? new Set()).add(to));
  }
  const done = new Set<string>();
  const walk = (at: string, path: readonly string[]): readonly string[] | undefined => {
    if (path.includes(at)) return [...path.slice(path.indexOf(at)), at];
    if (done.has(at)) return undefined;
    for (const to of next.get(at) ?? []) {
      const found = walk(to, [...path, at]);
      if (found !== undefined) return found;
    }
    done.add(at);
    return undefined;
  };
  for (const from of next.keys()) {
    const found = walk(from, []);
    if (found !== undefined) return found;
  }
  return undefined;
}

const between = (name: (file: string) => string): readonly Import[] =>
  imports.map(({ from, to }) => ({ from: name(from), to: name(to) }));

describe('the source tree', () => {
  it('holds nothing at its root but main.ts, app.ts and the folders that have their place', () => {
    expect(files.filter((file) => layerOf(file) === -1)).toEqual([]);
    expect(imports.length).toBeGreaterThan(300);
  });

  it('imports one way', () => {
    expect(faultsOf(imports)).toEqual([]);
  });

  it('has no cycle of files, and none of folders', () => {
    expect(cycleOf(imports)).toBeUndefined();
    expect(cycleOf(between((file) => dirname(file)))).toBeUndefined();
  });

  it('has functions that import the wrapper alone of each other, and that exports alone import', () => {
    const known = imports.filter(
      ({ from, to }) =>
        /^functions\/.*\.ts$/u.test(to) &&
        !/^(?:app\.ts|exports\/)/u.test(from) &&
        to !== 'functions/handler.ts',
    );
    expect(known.map(text)).toEqual([]);
  });

  it('has HTTP handlers behind the one wrapper', () => {
    const handlers = files.filter(
      (file) => file.startsWith('functions/') && /: HttpHandler\b/u.test(read(file)),
    );
    expect(handlers.length).toBeGreaterThan(4);
    expect(handlers.filter((file) => !/\bhttpHandler\(/u.test(read(file)))).toEqual([]);
  });

  it('reads process.env in main.ts only', () => {
    const reading = files.filter((file) =>
      /\bprocess\s*\.\s*env\b|\benv\b[^;]*\bfrom 'node:process'/u.test(read(file)),
    );
    expect(reading).toEqual(['main.ts']);
  });
});

describe('the client, which browsers run', () => {
  /** What it loads, types aside, from the module that is imported. */
  function loadedBy(file: string, seen = new Set<string>()): ReadonlySet<string> {
    if (seen.has(file)) return seen;
    seen.add(file);
    const values = read(file).replaceAll(/^(?:import|export) type\b[^;]*;/gmu, '');
    for (const { to } of importsOf(file, values)) loadedBy(to, seen);
    return seen;
  }

  it('knows nothing of Node.js, and no other package', () => {
    const loaded = [...loadedBy('exports/client.ts'), ...files.filter((file) => file.startsWith('client/'))];
    expect(loaded.length).toBeGreaterThan(20);
    const foreign = loaded.filter((file) =>
      /\bfrom '[^.]|\bimport\('[^.]|\b(?:Buffer|process|setImmediate|NodeJS|require)\b/u.test(read(file)),
    );
    expect(foreign).toEqual([]);
  });
});

/** Without its comments. */
function read(file: string): string {
  return readFileSync(join(root, file), 'utf8').replaceAll(/\/\*[^]*?\*\/|^\s*\/\/.*$/gmu, '');
}

describe('the rules', () => {
  it.each([
    ['auth that knows settings', 'auth/credential.ts', "import type { X } from '../config/settings.ts';"],
    ['settings taken by a part', 'fleet/member.ts', "import { X } from '../config/settings.ts';"],
    ['redis that asks the cache', 'redis/node.ts', "export { x } from '../cache/entry.ts';"],
    ['telemetry that knows an origin', 'telemetry/log.ts', "const a = await import('../origin/origin.ts');"],
    [
      'a cache that sees a connection',
      'cache/redis-tier.ts',
      "import type { C } from '../redis/connection.ts';",
    ],
    ['a fleet that cannot be lifted out', 'fleet/member.ts', "import { x } from '../cache/cache.ts';"],
    ['an import of several lines', 'util/clock.ts', "import {\n  a,\n  b,\n} from '../telemetry/events.ts';"],
  ])('are broken by %s', (_name, file, source) => {
    expect(faultsOf(importsOf(file, source))).not.toEqual([]);
  });

  it('find a cycle of three', () => {
    const edges = ['ab', 'bc', 'ca', 'ad'].map(([from = '', to = '']) => ({ from, to }));
    expect(cycleOf(edges)).toEqual(['a', 'b', 'c', 'a']);
  });
});
