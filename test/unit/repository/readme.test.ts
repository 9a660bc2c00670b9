// The README is short, its sample is code that compiles, and what it says can be copied stands alone.

import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { parseMarkdown } from '../../support/markdown.ts';

const root = join(import.meta.dirname, '../../..');
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const page = parseMarkdown(readme);

it('has about 1,200 words', () => {
  expect(readme.split(/\s+/u).length).toBeLessThan(1_400);
});

it('has the sample that is compiled with the tests', () => {
  const fixture = readFileSync(join(root, 'test/fixtures/readme/count-visit.ts'), 'utf8');
  const [, sample = ''] =
    page.sections
      .flatMap(({ blocks }) => blocks)
      .find(({ text }) => text.startsWith('// count-visit.ts\n'))
      ?.text.split('count-visit.ts\n') ?? [];
  const compiled = sample.replaceAll(/'redis-entra-functions\/(\w+)'/gu, "'../../../src/exports/$1.ts'");
  expect(compiled.trim()).toBe(fixture.trim());
});

it('names the folders that can be copied with all that they import', () => {
  const [, sentence = ''] = /Copy (.+?);/u.exec(readme) ?? [];
  const folders = [...sentence.matchAll(/`src\/(\w+)`/gu)].map(([, folder]) => folder ?? '');
  expect(folders).toEqual(['auth', 'redis', 'fleet', 'telemetry', 'util']);
  const imported = globSync(
    folders.map((folder) => `src/${folder}/**/*.ts`),
    { cwd: root },
  ).flatMap((file) =>
    [...readFileSync(join(root, file), 'utf8').matchAll(/from '\.\.\/(\w+)\//gu)].map(
      ([, folder]) => folder ?? '',
    ),
  );
  expect(new Set(imported)).toEqual(new Set(folders.filter((folder) => folder !== 'fleet')));
});
