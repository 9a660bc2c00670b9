// Whoever imports the package: with the compilers and options that Functions apps have, and on each Node.js, as an ES
// module, as CommonJS, and as both in one process.

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startStack, type Stack } from '../../local/stack.ts';
import { entries } from '../../scripts/library/entries.ts';
import { nodeVersions } from '../support/node-versions.ts';
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

/** What each is compiled with, and whether the outcome is CommonJS. */
const configurations = {
  strict: {
    type: 'module',
    compilerOptions: {
      module: 'nodenext',
      target: 'es2022',
      outDir: 'strict',
      strict: true,
      exactOptionalPropertyTypes: true,
      skipLibCheck: false,
    },
  },
  // Azure/azure-functions-core-tools, src/Cli/func/StaticResources/tsconfig.json
  'func init': {
    type: 'commonjs',
    compilerOptions: {
      module: 'commonjs',
      target: 'es6',
      outDir: 'func-init',
      rootDir: '.',
      sourceMap: true,
      strict: false,
      esModuleInterop: true,
    },
  },
  // Azure-Samples/functions-quickstart-typescript-azd, tsconfig.json
  'the azd quickstart': {
    type: 'commonjs',
    compilerOptions: {
      module: 'Node16',
      target: 'ES2022',
      moduleResolution: 'Node16',
      outDir: 'azd',
      rootDir: '.',
      sourceMap: true,
      strict: true,
      esModuleInterop: true,
      skipLibCheck: true,
    },
  },
};

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({ storage: false });
});
afterAll(async () => stack?.stop());

const peers = ['redis', '@azure/functions', '@azure/identity', '@types/node'];

async function newUser(type: string): Promise<UserFolder> {
  const user = await installLibrary(peers);
  await user.write({ 'package.json': JSON.stringify({ name: 'user', version: '1.0.0', type }) });
  return user;
}

describe.each(Object.entries(configurations))(
  'with the options of %s',
  (_name, { type, compilerOptions }) => {
    it.concurrent.each(['typescript', 'typescript-5.9'])('%s compiles it, and it runs', async (compiler) => {
      await using user = await newUser(type);
      await user.write({
        'app.ts': source,
        'tsconfig.json': JSON.stringify({ compilerOptions, files: ['app.ts'] }),
      });
      const { stdout } = await run(process.execPath, [
        join(compilers, compiler, 'bin/tsc'),
        '-p',
        user.path,
      ]).catch((error: unknown) => error as { stdout: string });
      expect(stdout).toBe('');
      const visit = `import('./${compilerOptions.outDir}/app.js').then(({ visit }) => visit(${stack.settings['REDIS_PORT']}))`;
      for (const node of nodeVersions) {
        const env = { ...process.env, ...stack.settings };
        const answer = await run(
          node,
          ['-e', `${visit}.then((visits) => console.log(typeof visits, visits > 0))`],
          {
            cwd: user.path,
            env,
          },
        );
        expect(answer).toMatchObject({ stdout: 'number true\n' });
      }
    });
  },
);

it.each(nodeVersions)('on %s both builds offer the same and share what is one per process', async (node) => {
  await using user = await newUser('commonjs');
  const names = JSON.stringify(entries.map(({ name }) => name));
  await user.write({
    'both.cjs': `
const assert = require('node:assert/strict');
// A client keeps no process alive.
const alive = setInterval(() => {}, 1000);
(async () => {
  for (const name of ${names}) {
    const required = require('redis-entra-functions/' + name);
    const imported = await import('redis-entra-functions/' + name);
    assert.deepEqual(Object.keys(required).sort(), Object.keys(imported).sort());
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
