// A client that somebody generates from the OpenAPI document of the package.

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { compilerOutput, installLibrary, type UserFolder } from '../support/packed-library.ts';

const run = promisify(execFile);
const modules = join(import.meta.dirname, '../../node_modules');

/** What the compiler says of one program over the client. */
async function compiled(user: UserFolder, program: string): Promise<string> {
  await user.write({ 'program.ts': program });
  return compilerOutput(user.path);
}

it('compiles, with the answers of each operation, and without what they have not', async () => {
  await using user = await installLibrary(['@oazapfts/runtime']);
  const document = join(user.path, 'node_modules/redis-entra-functions/dist/openapi.json');
  await run(process.execPath, [
    join(modules, 'oazapfts/dist/cli.js'),
    document,
    join(user.path, 'client.ts'),
  ]);
  await user.write({
    'package.json': JSON.stringify({ name: 'user', type: 'module' }),
    'tsconfig.json': JSON.stringify({
      compilerOptions: {
        module: 'nodenext',
        target: 'es2024',
        lib: ['es2024', 'dom'],
        types: [],
        strict: true,
        noEmit: true,
        skipLibCheck: true,
        allowImportingTsExtensions: true,
      },
      include: ['*.ts'],
    }),
  });
  const batch = (status: string): string => `
    import { readBatch } from './client.ts';
    const answer = await readBatch({ keys: ['a', 'b'] });
    if (answer.status === 200) for (const result of answer.data.results) if (result.status === '${status}') console.log(result.key);
    export {};
  `;
  expect(await compiled(user, batch('unavailable'))).toBe('');
  expect(await compiled(user, batch('lost'))).toContain('\'"lost"\' have no overlap');
});
