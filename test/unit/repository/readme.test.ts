// The README is short, and its sample is code that compiles.

import { readFileSync } from 'node:fs';
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
