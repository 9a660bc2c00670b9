// docs/deploy.md says what is so: the parameters that there are, and messages that the app can write.

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { parseMarkdown, tableBelow } from '../../support/markdown.ts';

const root = join(import.meta.dirname, '../../..');
const page = parseMarkdown(await readFile(join(root, 'docs/deploy.md'), 'utf8'));

it('names every deployment parameter, with its default', async () => {
  const parameters = await readFile(join(root, 'infra/main.bicepparam'), 'utf8');
  const given = new Map(
    [...parameters.matchAll(/'(DEPLOY_\w+)', '([^']*)'/gu)].map(([, name, value]) => [
      name ?? '',
      value ?? '',
    ]),
  );
  const rows = tableBelow(page, 'Parameters');
  const documented = rows.flatMap(([names]) => names?.code ?? []);
  // These follow from others, and their defaults are told in words.
  const following = ['DEPLOY_PUBLIC_LOG_QUERIES', 'DEPLOY_CACHE_LOCATION'];
  expect(documented.toSorted()).toEqual([...given.keys(), ...following].toSorted());
  for (const [names, standard] of rows) {
    const [name = '', more] = names?.code ?? [];
    if (more !== undefined || following.includes(name)) continue;
    expect({ name, standard: standard?.code[0] ?? '' }).toEqual({ name, standard: given.get(name) });
  }
});

it('explains messages that the app writes', async () => {
  const directory = join(root, 'src');
  const files = (await readdir(directory, { recursive: true })).filter((name) => name.endsWith('.ts'));
  const texts = await Promise.all(files.map(async (name) => readFile(join(directory, name), 'utf8')));
  const sources = texts.join('\n');
  const messages = tableBelow(page, 'When ready says 503')
    .flatMap(([said]) => said?.code ?? [])
    .filter((message) => / /u.test(message) && message !== 'No managed identity');
  expect(messages.length).toBeGreaterThan(8);
  for (const part of messages.flatMap((message) => message.split('…'))) {
    expect(sources, part).toContain(part.trim().replace(/ ms$/u, ''));
  }
});

it('marks every command that needs Azure', () => {
  const blocks = page.sections
    .flatMap((section) => section.blocks)
    .filter(({ language }) => language === 'sh');
  // A command may go over several lines, each but the last ending in a backslash or within quotes.
  const commands = blocks.flatMap(({ text }) => text.replaceAll(/\\\n/gu, ' ').split(/\n(?! )/u));
  const unmarked = commands.filter(
    (command) => /(?:^|\$\(|&& )(?:az|azd) /mu.test(command) && !command.includes('[Azure]'),
  );
  expect(commands.length).toBeGreaterThan(40);
  expect(unmarked).toEqual([]);
});
