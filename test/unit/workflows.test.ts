// The pipelines: what they run is pinned to the byte, and they hold no secret.

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const directory = join(import.meta.dirname, '../../.github/workflows');
const workflows = await Promise.all(
  (await readdir(directory)).map(async (name) => ({
    name,
    text: await readFile(join(directory, name), 'utf8'),
  })),
);

/** Every action that is not this repository's own must be a full commit, with its version beside it. */
function unpinned(text: string): readonly string[] {
  return [...text.matchAll(/^\s*(?:- )?uses:(.*)$/gmu)]
    .map(([, reference]) => reference?.trim() ?? '')
    .filter((reference) => !/^(?:\.\/\S+|[\w.-]+\/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+)$/u.test(reference));
}

it('every action is pinned by its full commit, with its version beside it', () => {
  expect(workflows.map(({ name }) => name).toSorted()).toEqual(['ci.yml', 'deploy.yml']);
  for (const { name, text } of workflows)
    expect({ name, unpinned: unpinned(text) }).toEqual({ name, unpinned: [] });
  for (const reference of [
    'actions/checkout@v6',
    'actions/checkout@de0fac2e4500dabe0009e67214ff5f5447ce83dd',
    'actions/checkout@de0fac2 # v6.0.2',
    'actions/checkout@main # v6.0.2',
  ]) {
    expect(unpinned(`    - uses: ${reference}\n`)).toEqual([reference]);
  }
});

it('no secret is used: Entra trusts the tokens of GitHub', () => {
  for (const { text } of workflows) expect(text).not.toMatch(/secrets\s*[.[:]|client-secret|password/iu);
});

it('a token for Entra is given to deployments only, and nothing may write to the repository', () => {
  for (const { name, text } of workflows) {
    expect(text).toMatch(/^permissions:\n {2}contents: read\n/mu);
    const grants = [...text.matchAll(/^ +([\w-]+): write$/gmu)].map(([, scope]) => scope);
    expect({ name, grants }).toEqual({ name, grants: name === 'deploy.yml' ? ['id-token', 'id-token'] : [] });
  }
});

it('production comes after staging, from the package that was tested', () => {
  const deploy = workflows.find(({ name }) => name === 'deploy.yml')?.text ?? '';
  expect(deploy).toMatch(/production:\n {4}needs: staging\n/u);
  expect(deploy).toMatch(/staging:\n {4}needs: ci\n/u);
  expect(deploy).toMatch(/environment:\n {6}name: production\n/u);
  expect(deploy).toContain('azd deploy app --from-package out/app.zip');
  expect(deploy).not.toContain('npm run package');
});

it('nothing a stranger can choose is put into a script', () => {
  for (const { text } of workflows) {
    expect(text).not.toMatch(/pull_request_target|workflow_run/u);
    const scripts = [...text.matchAll(/run: ?[|>]?-?\n?((?: {10,}.*\n)+|.*)/gu)].map(([script]) => script);
    expect(scripts.filter((script) => script.includes('${{'))).toEqual([]);
  }
});
