// The examples in the docstrings of the package compile as they stand, against the types it is published with.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { entries } from '../../scripts/library/entries.ts';
import { compilerOutput, installLibrary } from '../support/packed-library.ts';

/** What an example may use without a word of where it comes from, beside the functions of the package itself. */
const surroundings = `
declare const app: typeof import('@azure/functions').app;
declare const ManagedIdentityCredential: typeof import('@azure/identity').ManagedIdentityCredential;
declare const credential: import('@azure/identity').TokenCredential;
declare const createClient: typeof import('redis').createClient;
declare const Redis: typeof import('ioredis').Redis;
declare const redis: import('redis-entra-functions/redis').Redis;
declare const auth: import('redis-entra-functions/redis').RedisAuth;
declare const cache: import('redis-entra-functions/cache').Cache;
declare const box: import('redis-entra-functions/testing').AzureInABox;
declare const callers: import('redis-entra-functions/functions').Callers;
declare const id: string;
interface Product { readonly name: string }
declare function loadProduct(id: string, signal: AbortSignal): Promise<Product>;
declare function fetchPrices(currency: string, options: { withTax: boolean }): Promise<Record<string, number>>;
declare function loadPrices(key: string, options: { signal: AbortSignal }): Promise<Record<string, number>>;
`;

/** Each with the line that it documents. */
function examplesOf(types: string): readonly { readonly of: string; readonly code: string }[] {
  return [...types.matchAll(/\/\*\*(?<doc>[^]*?)\*\/\s*(?<of>[^\n]*)/gu)].flatMap(({ groups }) => {
    const doc = (groups?.['doc'] ?? '').replaceAll(/^ *\* ?/gmu, '');
    const examples = [...doc.matchAll(/^@example\n(?<code>[^]*?)(?=^@|$(?![^]))/gmu)];
    return examples.map((match) => ({
      of: groups?.['of'] ?? '',
      code: (match.groups?.['code'] ?? '').replaceAll(/^```.*$/gmu, ''),
    }));
  });
}

it('every function has an example, and every example compiles', async () => {
  await using user = await installLibrary([
    'redis',
    'ioredis',
    '@azure/functions',
    '@azure/identity',
    '@opentelemetry/api',
    '@types/node',
  ]);
  const files: Record<string, string> = {};
  const functions: string[] = [];
  for (const { name } of entries) {
    const path = join(user.path, 'node_modules/redis-entra-functions/dist', `${name}.d.ts`);
    const types = await readFile(path, 'utf8');
    const examples = examplesOf(types);
    for (const [index, { code }] of examples.entries())
      files[`${name}-${index}.ts`] = `${code}\nexport {};\n`;
    for (const [line, called = ''] of types.matchAll(/^export declare function (\w+).*$/gmu)) {
      functions.push(`declare const ${called}: typeof import('redis-entra-functions/${name}').${called};`);
      expect(
        examples.map(({ of }) => of),
        `an example of ${called}`,
      ).toContain(line);
    }
  }
  expect(functions.length).toBeGreaterThan(5);
  expect(Object.keys(files).length).toBeGreaterThan(functions.length);
  await user.write({
    ...files,
    'surroundings.d.ts': `${surroundings}\n${functions.join('\n')}\n`,
    'package.json': JSON.stringify({ name: 'user', type: 'module' }),
    'tsconfig.json': JSON.stringify({
      compilerOptions: {
        module: 'nodenext',
        target: 'es2024',
        lib: ['es2024', 'esnext.disposable'],
        types: ['node'],
        strict: true,
        exactOptionalPropertyTypes: true,
        noEmit: true,
        skipLibCheck: true,
      },
      include: ['*.ts'],
    }),
  });
  expect(await compilerOutput(user.path)).toBe('');
});
