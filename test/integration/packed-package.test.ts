// The package as `npm pack` makes it, installed outside of the clone: the examples of it, compiled, run, and shown in
// docs/package.md.

import { execFile } from 'node:child_process';
import { cp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startHost, type Host } from '../../local/functions-host/host.ts';
import type { Stack } from '../../local/stack.ts';
import { eventually } from '../support/eventually.ts';
import { parseMarkdown } from '../support/markdown.ts';
import {
  compilerOutput,
  installLibrary,
  packLibrary,
  userFolder,
  type UserFolder,
} from '../support/packed-library.ts';
import { startStack } from '../support/stack.ts';

const run = promisify(execFile);
const clone = join(import.meta.dirname, '../..');
const examples = join(clone, 'examples');
const peers = ['redis', '@azure/functions', '@azure/identity'];
const tokenLifetimeMs = 6000;

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({ storage: false, tokenLifetimeMs });
});
afterAll(async () => stack?.stop());

/** With what the clone has in the place of the package's peers. */
async function install(example: string): Promise<UserFolder> {
  const user = await installLibrary([...peers, '@types/node']);
  await cp(join(examples, example), user.path, { recursive: true });
  return user;
}

/** As a person would, from the registry, in the versions that the clone has. */
async function installByNpm(example: string): Promise<UserFolder> {
  const { tarballPath } = await packLibrary();
  const { devDependencies: versions } = JSON.parse(await readFile(join(clone, 'package.json'), 'utf8')) as {
    devDependencies: Readonly<Record<string, string>>;
  };
  const user = await userFolder();
  await user.write({ 'package.json': '{}' });
  const packages = [...peers, '@types/node'].map((name) => `${name}@${versions[name]}`);
  const quietly = ['--no-audit', '--no-fund', '--prefer-offline'];
  await run('npm', ['install', ...quietly, tarballPath, ...packages], { cwd: user.path });
  await cp(join(examples, example), user.path, { recursive: true });
  return user;
}

async function compile(user: UserFolder, compiler?: string): Promise<void> {
  expect(await compilerOutput(user.path, compiler)).toBe('');
}

interface Build {
  readonly by: (example: string) => Promise<UserFolder>;
  readonly compiler?: string;
  /** Instead of the example's own. */
  readonly manifest?: object;
  readonly tsconfig?: object;
}

/**
 * `func init --typescript` makes this (Azure/azure-functions-core-tools, src/Cli/func/StaticResources/tsconfig.json);
 * the types of dependencies, which it checks as well, library-users.test.ts has checked with the same options.
 */
const funcInit = {
  compilerOptions: {
    module: 'commonjs',
    target: 'es6',
    outDir: 'dist',
    rootDir: 'src',
    sourceMap: true,
    strict: false,
    esModuleInterop: true,
    types: ['node'],
    skipLibCheck: true,
  },
  include: ['src'],
};

describe.each<readonly [string, Build]>([
  ['installed by npm, as an ES module', { by: installByNpm }],
  [
    'as CommonJS, with the options of func init',
    { by: install, compiler: 'typescript-5.9', manifest: { type: 'commonjs' }, tsconfig: funcInit },
  ],
])('the cached function, %s', (_name, { by, compiler, manifest, tsconfig }) => {
  let user: UserFolder;
  let host: Host;

  beforeAll(async () => {
    await stack.redis.admin('FLUSHALL');
    user = await by('cached-function');
    if (tsconfig !== undefined) {
      const own = JSON.parse(await readFile(join(user.path, 'package.json'), 'utf8')) as object;
      await user.write({
        'package.json': JSON.stringify({ ...own, ...manifest }),
        'tsconfig.json': JSON.stringify(tsconfig),
      });
    }
    await compile(user, compiler);
    host = await startHost({ appDirectory: user.path, settings: stack.settings, timers: false });
  }, 180_000);
  afterAll(async () => {
    await host?.stop();
    await user?.[Symbol.asyncDispose]();
  });

  const get = async (path: string): Promise<Response> => fetch(new URL(`/api/${path}`, host.url));
  const logs = (): string =>
    host
      .logs()
      .map(({ message }) => message)
      .join('\n');

  it('answers from the cache, and the cache over HTTP has the same', async () => {
    const first = await (await get('product/7')).json();
    expect(first).toMatchObject({ id: '7', name: 'Product 7' });
    expect(await (await get('product/7')).json()).toEqual(first);
    const entry = await get('cache/product:7');
    expect(entry.headers.get('content-type')).toBe('application/json');
    expect(await entry.json()).toEqual(first);
    expect(await (await get('price/42')).json()).toEqual({ amount: 20, currency: 'EUR' });
    expect(await stack.redis.admin('EXISTS', 'shop:product:7')).toBe(1);
  });

  it('is warmed by its timer', async () => {
    expect(await host.runTimer('scheduledWarmup')).toEqual({ ok: true });
    await eventually(() => expect(logs()).toContain('2 of 2 entries are warm'));
    const warm = await (await get('cache/product:2')).json();
    expect(await (await get('product/2')).json()).toEqual(warm);
    expect((await get('cache/product:9')).status).toBe(404);
  });

  it('stays signed in, and its roll call says so', async () => {
    const { auths } = stack.front.stats;
    await eventually(() => expect(stack.front.stats.auths).toBeGreaterThan(auths));
    expect(await host.runTimer('reauthenticate')).toEqual({ ok: true });
    await eventually(() => expect(logs()).toContain('1 of 1 instances answered'));
    const fleet = (await (await get('fleet')).json()) as { instances: { status: string }[] };
    expect(fleet.instances).toMatchObject([{ status: 'answered' }]);
    expect((await get('product/7')).status).toBe(200);
  });

  it('answers while Redis does not, and ends in order', async () => {
    stack.front.setBehaviour('stall');
    try {
      expect((await get('product/8')).status).toBe(200);
      expect((await get('cache/product:8')).status).toBe(503);
    } finally {
      stack.front.setBehaviour('normal');
      stack.front.cutAll();
    }
    await eventually(async () => expect((await get('cache/product:7')).status).toBe(200));
    await host.stop();
    expect(host.crashes).toBe(0);
    await eventually(() => expect(stack.front.stats.live).toBe(0));
  });
});

it('the tests in a box pass, and compile', async () => {
  await using user = await install('tested-in-a-box');
  await compile(user);
  const { stdout } = await run(process.execPath, ['--test'], { cwd: user.path });
  expect(stdout).toMatch(/^. pass 3$/mu);
});

it('docs/package.md shows the lines that are tested here', async () => {
  const page = parseMarkdown(await readFile(join(clone, 'docs/package.md'), 'utf8'));
  const blocks = page.sections.flatMap((section) => section.blocks).map(({ text }) => text.trim());
  expect(blocks).toContain((await readFile(join(examples, 'cached-function/src/app.ts'), 'utf8')).trim());
});
