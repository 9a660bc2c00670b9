// What a command does before it runs: it knows packages that somebody else installed, and asks before it uses sudo.

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Machine } from '../../../scripts/setup/machine.mjs';
import { isInstalled, packagesAreInstalled } from '../../../scripts/setup/packages.mjs';
import { ensureRedisServer } from '../../../scripts/setup/redis-server.mjs';

const entry = (version: string, more = {}): object => ({
  version,
  integrity: `sha512-${version}`,
  ...more,
});
const record = (packages: object): string => JSON.stringify({ packages });
const lock = record({
  '': {},
  'node_modules/a': entry('1.0.0'),
  'node_modules/b': entry('2.0.0', { optional: true }),
});

describe("npm's record of what it installed", () => {
  it('is that of the lock file, with or without packages for other platforms', () => {
    const a = { 'node_modules/a': entry('1.0.0') };
    expect(isInstalled(lock, record(a))).toBe(true);
    expect(isInstalled(lock, record({ ...a, 'node_modules/b': entry('2.0.0') }))).toBe(true);
  });

  it.each([
    ['is older', { 'node_modules/a': entry('0.9.0') }],
    ['has other bytes', { 'node_modules/a': { ...entry('1.0.0'), integrity: 'sha512-other' } }],
    ['is incomplete', { 'node_modules/b': entry('2.0.0') }],
    ['has more', { 'node_modules/a': entry('1.0.0'), 'node_modules/c': entry('3.0.0') }],
  ])('is not when it %s', (_how, packages) => {
    expect(isInstalled(lock, record(packages))).toBe(false);
  });
});

describe('the folder node_modules', () => {
  let folder = '';
  const installed = record({ 'node_modules/a': entry('1.0.0') });
  const write = async (path: string, text: string): Promise<void> => {
    await mkdir(join(folder, path, '..'), { recursive: true });
    await writeFile(join(folder, path), text);
  };

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'setup-test-'));
    await write('package-lock.json', lock);
  });
  afterEach(async () => rm(folder, { recursive: true }));

  it('is what the lock file asks for after `npm ci` by hand', async () => {
    await write('node_modules/a/package.json', '{}');
    await write('node_modules/.package-lock.json', installed);
    expect(packagesAreInstalled(folder)).toBe(true);
  });

  it('is not where npm did not finish: it writes its record last', async () => {
    expect(packagesAreInstalled(folder)).toBe(false);
    await write('node_modules/a/package.json', '{}');
    expect(packagesAreInstalled(folder)).toBe(false);
    await write('node_modules/.package-lock.json', installed.slice(0, -5));
    expect(packagesAreInstalled(folder)).toBe(false);
  });

  it('is not where a package of the record was removed', async () => {
    await write('node_modules/.package-lock.json', installed);
    expect(packagesAreInstalled(folder)).toBe(false);
  });

  it('is not where the lock file has changed since', async () => {
    await write('node_modules/a/package.json', '{}');
    await write('node_modules/.package-lock.json', installed);
    await write('package-lock.json', lock.replace('1.0.0', '1.0.1'));
    expect(packagesAreInstalled(folder)).toBe(false);
  });
});

describe('a Redis server', () => {
  interface Kind {
    readonly programs: readonly string[];
    readonly isRoot?: boolean;
    /** What the person at the terminal answers; undefined where nobody sits there. */
    readonly answer?: string;
    readonly sudoNeedsPassword?: boolean;
    readonly version?: string;
  }

  /** What is run and asked until the machine has a server, or why it has none. */
  async function through({ programs, isRoot = false, answer, sudoNeedsPassword = false, version }: Kind) {
    const present = new Set(programs);
    const done: string[] = [];
    const machine: Machine = {
      isRoot,
      onPath: (program) => present.has(program),
      succeeds: () => !sudoNeedsPassword,
      outputOf: () => `Redis server v=${version ?? '7.0.15'} sha=0`,
      run: async (_title, command, args) => {
        done.push([command, ...args].join(' '));
        if (args.includes('install')) present.add('redis-server');
      },
      ask:
        answer === undefined
          ? undefined
          : async (question) => {
              done.push(question);
              return answer;
            },
    };
    const failure = await ensureRedisServer(machine).then(
      () => undefined,
      (error: Error) => error.message,
    );
    return { done, failure };
  }
  const apt = 'env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get -qq';
  const commands = (before: string): readonly string[] => [
    `${before}${apt} update`,
    `${before}${apt} install -y --no-install-recommends redis-server`,
  ];
  const debian = ['apt-get', 'sudo'];

  it('that is there is taken, Valkey too, and nobody is asked', async () => {
    for (const program of ['redis-server', 'valkey-server'])
      expect(await through({ programs: [...debian, program], answer: 'y' })).toEqual({ done: [] });
  });

  it('that is too old is named', async () => {
    const { failure } = await through({ programs: ['redis-server'], version: '6.2.7' });
    expect(failure).toMatch(/redis-server is 6\.2\.7, which is too old[\s\S]+brew install redis/u);
  });

  it.each(['y', 'Y', 'yes', ' YES '])('is installed with sudo when the person answers %j', async (answer) => {
    const { done, failure } = await through({ programs: debian, answer, sudoNeedsPassword: true });
    expect(done).toEqual([
      expect.stringContaining('sudo apt-get install redis-server'),
      ...commands('sudo '),
    ]);
    expect(failure).toBeUndefined();
  });

  it.each(['', 'n', 'no', 'yep'])('is not when the person answers %j', async (answer) => {
    const { done, failure } = await through({ programs: debian, answer });
    expect(done).toHaveLength(1);
    expect(failure).toMatch(/^Nothing was installed\.[\s\S]+sudo apt-get install redis-server/u);
  });

  it('is installed without a question where nobody sits, if sudo needs no password', async () => {
    expect(await through({ programs: debian })).toEqual({ done: commands('sudo -n ') });
    const { done, failure } = await through({ programs: debian, sudoNeedsPassword: true });
    expect(done).toEqual([]);
    expect(failure).toMatch(/could not be installed from here/u);
  });

  it('is installed by root, who needs no sudo', async () => {
    expect(await through({ programs: ['apt-get'], isRoot: true, answer: 'n' })).toEqual({
      done: commands(''),
    });
  });

  it('is not installed where there is no apt-get, or no sudo', async () => {
    for (const programs of [['sudo'], ['apt-get']]) {
      const { done, failure } = await through({ programs, answer: 'y' });
      expect({ done, failure }).toEqual({
        done: [],
        failure: expect.stringContaining('could not be installed'),
      });
    }
  });
});
