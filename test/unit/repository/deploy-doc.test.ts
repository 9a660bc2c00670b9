// docs/deploy.md says what is so: the parameters that there are, and messages that the app can write.

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const root = join(import.meta.dirname, '../../..');
const document = await readFile(join(root, 'docs/deploy.md'), 'utf8');

/** The rows of the table below a heading, as cells. */
function tableBelow(heading: string): readonly (readonly string[])[] {
  const [, section = ''] = document.split(`## ${heading}\n`);
  const [text = ''] = section.split('\n## ');
  const rows = text.split('\n').filter((line) => line.startsWith('|'));
  return rows.slice(2).map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

function codeIn(text: string): readonly string[] {
  return [...text.matchAll(/`([^`]+)`/gu)].map(([, code]) => code ?? '');
}

it('names every deployment parameter, with its default', async () => {
  const parameters = await readFile(join(root, 'infra/main.bicepparam'), 'utf8');
  const given = new Map(
    [...parameters.matchAll(/'(DEPLOY_\w+)', '([^']*)'/gu)].map(([, name, value]) => [
      name ?? '',
      value ?? '',
    ]),
  );
  const rows = tableBelow('Parameters');
  const documented = rows.flatMap(([names = '']) => codeIn(names));
  // These follow from others, and their defaults are told in words.
  const following = ['DEPLOY_PUBLIC_LOG_QUERIES', 'DEPLOY_CACHE_LOCATION'];
  expect(documented.toSorted()).toEqual([...given.keys(), ...following].toSorted());
  for (const [names = '', standard = ''] of rows) {
    const [name = '', more] = codeIn(names);
    if (more !== undefined || following.includes(name)) continue;
    expect({ name, standard: codeIn(standard)[0] ?? '' }).toEqual({ name, standard: given.get(name) });
  }
});

it('explains messages that the app writes', async () => {
  const directory = join(root, 'src');
  const files = (await readdir(directory, { recursive: true })).filter((name) => name.endsWith('.ts'));
  const texts = await Promise.all(files.map(async (name) => readFile(join(directory, name), 'utf8')));
  const sources = texts.join('\n');
  const messages = tableBelow('When ready says 503')
    .flatMap(([said = '']) => codeIn(said))
    .filter((message) => / /u.test(message) && message !== 'No managed identity');
  expect(messages.length).toBeGreaterThan(8);
  for (const part of messages.flatMap((message) => message.split('…'))) {
    expect(sources, part).toContain(part.trim().replace(/ ms$/u, ''));
  }
});

it('marks every command that needs Azure', () => {
  const blocks = [...document.matchAll(/```sh\n(.*?)```/gsu)].map(([, block]) => block ?? '');
  // A command may go over several lines, each but the last ending in a backslash or within quotes.
  const commands = blocks.flatMap((block) => block.replaceAll(/\\\n/gu, ' ').split(/\n(?! )/u));
  const unmarked = commands.filter(
    (command) => /(?:^|\$\(|&& )(?:az|azd) /mu.test(command) && !command.includes('[Azure]'),
  );
  expect(commands.length).toBeGreaterThan(40);
  expect(unmarked).toEqual([]);
});

it('links to sections that there are', () => {
  const headings = [...document.matchAll(/^#+ (.+)$/gmu)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w -]/gu, '')
      .replaceAll(' ', '-'),
  );
  const links = [...document.matchAll(/\]\(#([\w-]+)\)/gu)].map(([, link]) => link ?? '');
  expect(links.length).toBeGreaterThan(5);
  expect(links.filter((link) => !headings.includes(link))).toEqual([]);
});
