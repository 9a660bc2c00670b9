// What the Markdown files of the repository point to is there: files, sections, and files that they name as code.

import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseMarkdown, type Page } from '../../support/markdown.ts';

const root = join(import.meta.dirname, '../../..');
const files = globSync('**/*', {
  cwd: root,
  exclude: (path) => /^(?:node_modules|out|\.git)(?:\/|$)/u.test(path),
});
const pages = new Map(
  [...files, ...globSync('.github/**/*', { cwd: root })]
    .filter((file) => file.endsWith('.md'))
    .map((file) => [file, parseMarkdown(readFileSync(join(root, file), 'utf8'))]),
);

/** Pages of the repository on GitHub, which are no files. */
const onGitHub = ['../../issues'];

function brokenLinks(file: string, page: Page): readonly string[] {
  const targets = [...page.links, ...page.images.map(({ source }) => source)];
  return targets.filter((target) => {
    if (/^(?:https|mailto):/u.test(target) || onGitHub.includes(target)) return false;
    const [path = '', anchor] = target.split('#');
    const found = path === '' ? file : relative(root, join(root, dirname(file), decodeURIComponent(path)));
    if (found.startsWith('..') || !existsSync(join(root, found))) return true;
    if (anchor === undefined) return false;
    return !(found === file ? page : pages.get(found))?.sections.some((section) => section.anchor === anchor);
  });
}

/** Names of files, as code, that no file of the repository ends in. Records of decisions may name what was. */
function unknownFiles({ code }: Page): readonly string[] {
  return code.filter(
    (text) =>
      /^[\w./-]+\.(?:ts|mjs|bicep|bicepparam|kql)$/u.test(text) &&
      !elsewhere.includes(text) &&
      !files.some((file) => file === text || file.endsWith(`/${text}`)),
  );
}

/** Made by `npm run package`; and those that CONTRIBUTING.md promises. */
const elsewhere = ['main.mjs', 'src/cache/cache.ts', 'src/cache/tier.ts'];

describe('the Markdown files', () => {
  it('are all looked at', () => {
    expect([...pages.keys()]).toEqual(
      expect.arrayContaining(['README.md', 'docs/deploy.md', 'docs/adr/0001-async-credentials-provider.md']),
    );
    expect([...pages.values()].flatMap(({ links }) => links).length).toBeGreaterThan(100);
  });

  it.each([...pages.keys()])('%s links to files and sections that there are', (file) => {
    expect(brokenLinks(file, pages.get(file) as Page)).toEqual([]);
  });

  it.each([...pages.keys()].filter((file) => !/adr\/|CHANGELOG/u.test(file)))(
    '%s names files that there are',
    (file) => {
      expect(unknownFiles(pages.get(file) as Page)).toEqual([]);
    },
  );
});

describe('a link is broken', () => {
  it.each([
    ['to no file', '[a](docs/absent.md)'],
    ['to no section', '[a](docs/deploy.md#absent)'],
    ['to no section of its own page', '## Here\n\n[a](#there)'],
    ['by reference', '[a][b]\n\n[b]: absent.md'],
    ['to a picture', '![a](docs/absent.png)'],
    ['in a table', '| a |\n| --- |\n| [a](absent.md) |'],
    ['out of the repository', '[a](../absent.md)'],
    ['over http', '[a](http://example.org)'],
  ])('%s', (_how, markdown) => {
    expect(brokenLinks('README.md', parseMarkdown(markdown))).toHaveLength(1);
  });

  it('nowhere else', () => {
    const markdown = '# A `b`: c\n\n`[a](b.md)` [d](#a-b-c) [e](docs/deploy.md#costs) <https://example.org>';
    expect(brokenLinks('README.md', parseMarkdown(`${markdown}\n\n\`\`\`\n[a](b.md)\n\`\`\``))).toEqual([]);
  });
});
