// The package's own manifest and what is checked of its public surface.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { undocumented } from '../../../scripts/library/check.ts';
import { entries } from '../../../scripts/library/entries.ts';

const root = join(import.meta.dirname, '../../..');
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  readonly exports: Readonly<Record<string, unknown>>;
  readonly typesVersions: Readonly<Record<string, unknown>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
};

describe('package.json', () => {
  it('exports every entry as an ES module and as CommonJS, each with types, to old resolution too', () => {
    const modules = entries.map(({ name }) => [
      `./${name}`,
      {
        import: { types: `./dist/${name}.d.ts`, default: `./dist/${name}.js` },
        require: { types: `./dist/${name}.d.cts`, default: `./dist/${name}.cjs` },
      },
    ]);
    const others = { './openapi.json': './dist/openapi.json', './package.json': './package.json' };
    expect(manifest.exports).toEqual({ ...Object.fromEntries(modules), ...others });
    const types = entries.map(({ name }) => [name, [`./dist/${name}.d.cts`]]);
    expect(manifest.typesVersions).toEqual({
      '*': { ...Object.fromEntries(types), 'openapi.json': ['./dist/openapi.json'] },
    });
    expect(entries.filter(({ source }) => !existsSync(join(root, source)))).toEqual([]);
  });

  it('asks of its users for nothing that is not tested here', () => {
    const untested = Object.keys(manifest.peerDependencies).filter(
      (name) => !(name in manifest.devDependencies),
    );
    expect(untested).toEqual([]);
  });
});

describe('what is undocumented', () => {
  it('is found where it can be imported, and nowhere else', () => {
    const report = `
// @public (undocumented)
export interface Options {
    // (undocumented)
    readonly name: string;
    readonly documented: string;
}

// @public (undocumented)
interface Inner {
    // (undocumented)
    readonly kind: string;
}

// @public
export function create(options: Options): Inner;
`;
    expect(undocumented(report)).toEqual([
      'export interface Options {',
      'export interface Options { readonly name: string;',
    ]);
  });
});
