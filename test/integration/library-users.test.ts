// Whoever imports the package: with the compilers and options that Functions apps have, and on each Node.js, as an ES
// module, as CommonJS, and as both in one process.

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Stack } from '../../local/stack.ts';
import { entries } from '../../scripts/library/entries.ts';
import { nodeVersions } from '../support/node-versions.ts';
import { startStack } from '../support/stack.ts';
import { installLibrary, type UserFolder } from '../support/packed-library.ts';

const run = promisify(execFile);
const compilers = join(import.meta.dirname, '../../node_modules');

const source = `
import { app } from '@azure/functions';
import { ManagedIdentityCredential } from '@azure/identity';
import { AppError, createRedis } from 'redis-entra-functions/redis';
${entries.map(({ name }) => `export * as ${name} from 'redis-entra-functions/${name}';`).join('\n')}

export async function visit(port: number): Promise<number> {
  const redis = createRedis({ hostname: 'localhost', port, credential: new ManagedIdentityCredential() });
  app.http('state', { handler: async () => ({ body: redis.status().state }) });
  try {
    return await redis.run((client) => client.incr('visits'), { key: 'visits', timeoutMs: 10_000 });
  } catch (error) {
    throw error instanceof AppError ? new Error(error.code) : error;
  } finally {
    await redis.close();
  }
}
`;

const strict = {
  type: 'module',
  compilerOptions: {
    module: 'nodenext',
    target: 'es2022',
    outDir: 'dist',
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: false,
  },
};
// Azure/azure-functions-core-tools, src/Cli/func/StaticResources/tsconfig.json
const funcInit = {
  type: 'commonjs',
  compilerOptions: {
    module: 'commonjs',
    target: 'es6',
    outDir: 'dist',
    rootDir: '.',
    sourceMap: true,
    strict: false,
    esModuleInterop: true,
  },
};
// Azure-Samples/functions-quickstart-typescript-azd, tsconfig.json
const azdQuickstart = {
  type: 'commonjs',
  compilerOptions: {
    module: 'Node16',
    target: 'ES2022',
    moduleResolution: 'Node16',
    outDir: 'dist',
    rootDir: '.',
    sourceMap: true,
    strict: true,
    esModuleInterop: true,
    skipLibCheck: true,
  },
};

const builds = [
  { folder: 'strict-newest', compiler: 'typescript', options: strict },
  { folder: 'strict', compiler: 'typescript-5.9', options: strict },
  { folder: 'func-init', compiler: 'typescript-5.9', options: funcInit },
  { folder: 'azd-quickstart', compiler: 'typescript-5.9', options: azdQuickstart },
];

let stack: Stack;
let user: UserFolder;
beforeAll(async () => {
  stack = await startStack({ storage: false });
  user = await installLibrary([
    'redis',
    '@azure/functions',
    '@azure/identity',
    '@opentelemetry/api',
    '@types/node',
  ]);
  await user.write({ 'package.json': JSON.stringify({ name: 'user', type: 'commonjs' }) });
});
afterAll(async () => {
  await stack?.stop();
  await user?.[Symbol.asyncDispose]();
});

describe('compiled and run', () => {
  // TypeScript 5.9 takes 8 s of a core's time to check the types of all dependencies, and less in a process that has
  // done so before.
  it.each(['typescript', 'typescript-5.9'])('with every demanded set of options, by %s', async (compiler) => {
    const own = builds.filter((build) => build.compiler === compiler);
    for (const { folder, options } of own) {
      const { type, compilerOptions } = options;
      await user.write({
        [`${folder}/package.json`]: JSON.stringify({ name: folder, type }),
        [`${folder}/tsconfig.json`]: JSON.stringify({ compilerOptions, files: ['app.ts'] }),
        [`${folder}/app.ts`]: source,
      });
    }
    const program = [join(compilers, compiler, 'bin/tsc'), '--build', ...own.map(({ folder }) => folder)];
    const { stdout } = await run(process.execPath, program, { cwd: user.path }).catch(
      (error: unknown) => error as { stdout: string },
    );
    expect(stdout).toBe('');
  });

  it.each(nodeVersions)('on %s', async (node) => {
    const port = stack.settings['REDIS_PORT'];
    const visits = builds.map(
      ({ folder }) =>
        `await import('./${folder}/dist/app.js').then(({ visit }) => visit(${port})).then((visits) => console.log('${folder}', visits > 0));`,
    );
    const env = { ...process.env, ...stack.settings };
    const program = ['--input-type=module', '-e', visits.join('\n')];
    const { stdout } = await run(node, program, { cwd: user.path, env });
    expect(stdout).toBe(builds.map(({ folder }) => `${folder} true\n`).join(''));
  });
});

it.each(nodeVersions)('on %s both builds offer the same and share what is one per process', async (node) => {
  const names = JSON.stringify(entries.map(({ name }) => name));
  await user.write({
    'both.cjs': `
const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
// A client keeps no process alive.
const alive = setInterval(() => {}, 1000);
(async () => {
  for (const name of ${names}) {
    const required = require('redis-entra-functions/' + name);
    const imported = await import('redis-entra-functions/' + name);
    assert.deepEqual(Object.keys(required).sort(), Object.keys(imported).sort());
  }
  // Also what is loaded on first use: a name that this Node.js does not have would be missed then only.
  const dist = path.join(path.dirname(require.resolve('redis-entra-functions/package.json')), 'dist');
  for (const file of fs.readdirSync(dist, { recursive: true })) {
    if (/[.]c?js$/.test(file)) await import(path.join(dist, file));
  }
  const required = require('redis-entra-functions/redis');
  const imported = await import('redis-entra-functions/redis');
  const options = { hostname: 'localhost', port: 1, tls: false, credential: { getToken: () => new Promise(() => {}) } };
  const redis = required.createRedis(options);
  assert.equal(redis, imported.createRedis(options));
  assert.notEqual(required.AppError, imported.AppError);
  assert.throws(() => required.createRedis({}), (error) => error instanceof imported.AppError && error.code === 'options-invalid');
  await assert.rejects(redis.run((client) => client.ping(), { key: 'a', timeoutMs: 100 }), imported.AppError);
  await redis.close();
  clearInterval(alive);
  console.log('ends by itself');
})();
`,
  });
  const { stdout, stderr } = await run(node, ['both.cjs'], { cwd: user.path });
  expect({ stdout, stderr }).toEqual({ stdout: 'ends by itself\n', stderr: '' });
});

it.each(nodeVersions)('on %s a CommonJS app uses all of it, against the box that it starts', async (node) => {
  await user.write({
    'app.cjs': `
const { app } = require('@azure/functions');
const { createCache } = require('redis-entra-functions/cache');
const { registerCacheRoutes, registerReauthentication } = require('redis-entra-functions/functions');
const { createRedis } = require('redis-entra-functions/redis');
const { startAzureInABox } = require('redis-entra-functions/testing');
(async () => {
  const box = await startAzureInABox();
  const redis = createRedis({ ...box.client });
  const cache = createCache({ redis, namespace: 'shop' });
  registerCacheRoutes(app, { cache });
  registerReauthentication(app, { redis });
  const load = cache.wrap('prices', async (currency) => ({ currency, price: 12.5 }), { ttlSeconds: 30 });
  console.log(await load('EUR'), (await cache.get('absent')).kind);
  await redis.close();
  await box.stop();
})();
`,
  });
  const { stdout, stderr } = await run(node, ['app.cjs'], { cwd: user.path });
  expect(stdout).toBe("{ currency: 'EUR', price: 12.5 } miss\n");
  // Outside of a host, @azure/functions says that it registers nothing.
  expect(stderr.replaceAll(/^WARNING: .*\n/gmu, '')).toBe('');
});
