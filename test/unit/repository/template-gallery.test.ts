// What azd's template gallery asks of a repository: the rules of microsoft/template-validation-action
// (src/rules.json at 7ff9531, and what its validators make of them) that files can keep. What it asks beyond these:
// `azd up` and `azd down` on Azure, PSRule on what is deployed, and the topic `azd-templates` on GitHub.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { arrows, architecturePicture, boxes } from '../../../scripts/architecture-picture.ts';
import { followedAzdVersion } from '../../../scripts/azd-rehearsal/refusal.ts';
import { parseMarkdown } from '../../support/markdown.ts';

const root = join(import.meta.dirname, '../../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

interface FileRule {
  readonly rule: string;
  /** One of these must be there, in upper or lower case. */
  readonly paths: readonly string[];
  /** What must be in it, in upper or lower case. */
  readonly contains?: readonly string[];
}

const fileRules: readonly FileRule[] = [
  {
    rule: 'README',
    paths: ['README.md'],
    contains: ['## Features', '## Getting Started', '## Guidance', '## Resources'],
  },
  { rule: 'LICENSE', paths: ['LICENSE', 'LICENSE.md'] },
  { rule: 'SECURITY', paths: ['SECURITY.md', '.github/SECURITY.md'] },
  { rule: 'CODE_OF_CONDUCT', paths: ['CODE_OF_CONDUCT.md', '.github/CODE_OF_CONDUCT.md'] },
  { rule: 'CONTRIBUTING', paths: ['CONTRIBUTING.md', '.github/CONTRIBUTING.md'] },
  { rule: 'ISSUE_TEMPLATE', paths: ['.github/ISSUE_TEMPLATE.md', '.github/ISSUE_TEMPLATE'] },
  { rule: 'azure-dev', paths: ['.github/workflows/azure-dev.yml', '.github/workflows/azure-dev.yaml'] },
  { rule: 'azure', paths: ['azure.yaml', 'azure.yml'] },
  { rule: 'infra', paths: ['infra'] },
  { rule: '.devcontainer', paths: ['.devcontainer'] },
  // action.yml, "Check for .devcontainer config"
  { rule: 'useDevContainer', paths: ['.devcontainer/devcontainer.json'] },
];

describe('the gallery finds', () => {
  for (const { rule, paths, contains = [] } of fileRules) {
    it(rule, () => {
      const found = paths.find((path) => existsSync(join(root, path)));
      expect(found, `one of ${paths.join(', ')}`).toBeDefined();
      if (contains.length === 0) return;
      const text = read(found ?? '').toLowerCase();
      expect(contains.filter((heading) => !text.includes(heading.toLowerCase()))).toEqual([]);
    });
  }
});

it('the dev container has the azd of the pipelines, and what npm start needs', () => {
  const text = read('.devcontainer/devcontainer.json').replaceAll(/^\s*\/\/.*$/gmu, '');
  const container = JSON.parse(text) as { features: Record<string, object>; onCreateCommand: string };
  expect(container.features).toMatchObject({
    'ghcr.io/azure/azure-dev/azd:0': { version: followedAzdVersion },
    'ghcr.io/devcontainers/features/azure-cli:1': {},
  });
  expect(container.onCreateCommand).toContain('redis-server');
});

it('every issue template says what it is for', () => {
  const directory = '.github/ISSUE_TEMPLATE';
  const templates = readdirSync(join(root, directory)).filter((name) => name.endsWith('.md'));
  expect(templates.length).toBeGreaterThan(0);
  for (const name of templates) {
    const [, header = ''] = read(join(directory, name)).split('---\n');
    expect(parse(header)).toMatchObject({ name: expect.any(String), about: expect.any(String) });
  }
});

describe('the picture of the architecture', () => {
  it('is what its source draws, and is in the README', () => {
    // Otherwise: node_modules/.bin/node scripts/architecture-picture.ts
    expect(read('docs/architecture.svg')).toBe(architecturePicture());
    const picture = parseMarkdown(read('README.md')).images.find(
      ({ source }) => source === 'docs/architecture.svg',
    );
    expect(picture?.description).toMatch(/\w+/u);
  });

  it('has its texts within their boxes', () => {
    // The widest letters on average of the fonts in use, in parts of their size.
    const widthOf = (text: string, size: number): number => text.length * size * 0.62;
    for (const { title, lines = [], width, height } of boxes) {
      for (const [text, size] of [[title, 14] as const, ...lines.map((line) => [line, 13] as const)]) {
        expect(widthOf(text, size), text).toBeLessThan(width - 14);
      }
      expect(30 + lines.length * 20).toBeLessThan(height);
    }
  });

  it('has its arrows begin and end at boxes', () => {
    const near = ([px, py]: readonly [number, number]): boolean =>
      boxes.some(
        ({ x, y, width, height }) =>
          px >= x - 4 && px <= x + width + 14 && py >= y - 4 && py <= y + height + 14,
      );
    for (const { from, to, label } of arrows)
      expect({ label, near: near(from) && near(to) }).toEqual({ label, near: true });
  });
});
