// A plugin of rolldown: all but a few of node-redis's thousand commands are in a file of their own, which is loaded when
// the first of them is used. Reading and attaching them took 30 ms of each start.

import { createRequire } from 'node:module';
import type { Plugin } from 'rolldown';
import { changedFile, type Change } from '../bundling/changed-file.ts';

const require = createRequire(import.meta.url);

const restName = 'redis-commands';
/** CommonJS: a command that is called has to be there at once. */
export const restFile = `${restName}.cjs`;

const indexes = [
  'client/dist/lib/commands',
  ...['bloom', 'count-min-sketch', 'cuckoo', 't-digest', 'top-k'].map(
    (name) => `bloom/dist/lib/commands/${name}`,
  ),
  ...['json', 'search', 'time-series'].map((name) => `${name}/dist/lib/commands`),
].map((name) => `@redis/${name}/index.js`);

// What the app uses is loaded with it. A command that is missing here works, and loads the rest when it is used.
const used =
  'AUTH CLIENT_SETNAME CLIENT_TRACKING DEL EVAL EXISTS GET GETRANGE HDEL HELLO HGETALL HVALS LRANGE PING PUBLISH ' +
  'READONLY SET STRLEN TIME';
// node-redis asks of a command whether it is one of these: there must not be two of each.
const compared = 'ASKING HIMPORT_DISCARD HIMPORT_DISCARDALL HIMPORT_PREPARE HIMPORT_SET';

export const lazyCommands: Plugin = {
  name: 'lazy-commands',
  resolveId: (id) => (id.endsWith(`/${restFile}`) ? { id: `./${restFile}`, external: true } : undefined),
  load: async (id) => {
    const path = id.replaceAll('\\', '/');
    const index = indexes.find((name) => path.endsWith(`/${name}`));
    if (index !== undefined) return { code: namesOf(index), moduleType: 'js' };
    const own = changes[path.split('/@redis/client/dist/lib/')[1] ?? ''];
    return own && { code: await changedFile(id, own), moduleType: 'js' };
  },
};

/** Makes the file of all commands: what each index exports, by the name of the index. */
export const restOfCommands = {
  input: { [restName]: restName },
  output: { format: 'cjs', entryFileNames: '[name].cjs', banner: '' },
  plugin: {
    name: 'rest-of-commands',
    resolveId: (id) => {
      if (id === restName) return id;
      // All that the commands of modules take from the client are the names of types.
      return id === '@redis/client' ? require.resolve('@redis/client/dist/lib/RESP/decoder.js') : undefined;
    },
    load: (id) => {
      if (id !== restName) return undefined;
      const entries = indexes.map(
        (index) =>
          `get ${JSON.stringify(index)}() { return require(${JSON.stringify(require.resolve(index))}); }`,
      );
      return { code: `module.exports = { ${entries.join(', ')} };`, moduleType: 'js' };
    },
  } satisfies Plugin,
} as const;

/** In the place of an index: exports the same names, and loads what they stand for when it is asked for. */
function namesOf(index: string): string {
  const exported = require(index) as Record<string, Record<string, unknown>>;
  const { default: commands = {}, NON_STICKY_COMMANDS: ofAnyNode, ...others } = exported;
  const names = Object.keys(commands);
  const near = new Map<string, string>();
  for (const file of index === indexes[0] ? `${used} ${compared}`.split(' ') : []) {
    const { default: command } = require(index.replace('index', file)) as { default: unknown };
    for (const name of names) if (commands[name] === command) near.set(name, file);
  }
  const getters = [...near].map(([name, file]) => `get ${name}() { return require("./${file}").default; }`);
  const far = names.filter((name) => !near.has(name));
  const sticky = ofAnyNode && names.filter((name) => !Object.hasOwn(ofAnyNode, name));
  return `"use strict";
Object.defineProperty(exports, "__esModule", { value: true });
const rest = () => require("./${restFile}")["${index}"];
const lazily = (target, names, get) => {
  for (const name of names) Object.defineProperty(target, name, { enumerable: true, configurable: true, get: () => get(name) });
};
exports.default = { ${getters.join(', ')} };
lazily(exports.default, "${far.join(' ')}".split(" "), (name) => rest().default[name]);
// For each client node-redis makes JSON of its modules, to see whether they are those of the last one.
Object.defineProperty(exports.default, "toJSON", { value: () => "${index}" });
lazily(exports, ${JSON.stringify(Object.keys(others))}, (name) => rest()[name]);
${sticky === undefined ? '' : allBut(sticky)}`;
}

/** The commands that any node of a cluster can be asked for, without loading one of them. */
function allBut(sticky: readonly string[]): string {
  return `lazily(exports, ["NON_STICKY_COMMANDS"], () => {
  const all = Object.getOwnPropertyDescriptors(exports.default);
  for (const name of ${JSON.stringify(sticky)}) delete all[name];
  return Object.defineProperties({}, all);
});
`;
}

// node-redis puts its commands on the prototypes of a client and of a transaction, one by one. V8 copies the table of a
// prototype's properties for each that is added (quadratic: 50 ms of a start), unless the prototype is a dictionary,
// which deleting a property makes of it; on first use V8 makes it fast again.
const changes: Readonly<Record<string, readonly Change[]>> = {
  'commander.js': [
    [
      'function attachConfig(',
      `function attach(target, commands, create) {
    target.first = target.second = 0;
    delete target.first;
    delete target.second;
    for (const name of Object.keys(commands))
        target[name] = function (...args) {
            target[name] = create(commands[name]);
            return target[name].apply(this, args);
        };
}
function attachConfig(`,
    ],
    [
      `for (const [name, command] of Object.entries(commands)) {
        Class.prototype[name] = createCommand(command, RESP);
    }`,
      'attach(Class.prototype, commands, (command) => createCommand(command, RESP));',
    ],
    [
      `for (const [name, command] of Object.entries(module)) {
                fns[name] = createModuleCommand(command, RESP);
            }`,
      'attach(fns, module, (command) => createModuleCommand(command, RESP));',
    ],
  ],
  'client/index.js': [
    transactionsOf('Client'),
    // For who traces commands it would make text of what they were called with: keys, which the app shows nobody.
    ['args: (0, tracing_1.sanitizeArgs)(args),', 'args: [],'],
  ],
  'cluster/index.js': [transactionsOf('Cluster')],
  // As src/redis/reply-queue.ts does it, and why, for who has node-redis as it is.
  'client/linked-list.js': [
    [
      `            this.#head = node.next;
        }
        node.removed = true;
        return node.value;`,
      `            this.#head = node.next;
        }
        node.next = undefined;
        node.removed = true;
        return node.value;`,
    ],
  ],
};

function transactionsOf(name: string): Change {
  return [
    `${name}.prototype.Multi = multi_command_1.default.extend(config);`,
    `let Multi;
            Object.defineProperty(${name}.prototype, "Multi", {
                get: () => (Multi ??= multi_command_1.default.extend(config)),
            });`,
  ];
}
