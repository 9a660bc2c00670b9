// The pipelines: what they run is pinned to the byte, and they hold no secret.

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { isScalar, parseDocument, visit } from 'yaml';
import { followedAzdVersion } from '../../../scripts/azd-rehearsal/refusal.ts';

interface Step {
  readonly name?: string;
  readonly uses?: string;
  readonly run?: string;
  readonly with?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
}

interface Job {
  readonly if?: string;
  readonly needs?: string;
  readonly uses?: string;
  readonly environment?: { readonly name: string };
  readonly permissions?: Readonly<Record<string, string>>;
  readonly steps?: readonly Step[];
}

interface Workflow {
  readonly on: Readonly<Record<string, unknown>>;
  readonly permissions: Readonly<Record<string, string>>;
  readonly jobs: Readonly<Record<string, Job>>;
}

const directory = join(import.meta.dirname, '../../../.github/workflows');
const workflows = await Promise.all(
  (await readdir(directory)).map(async (name) => {
    const text = await readFile(join(directory, name), 'utf8');
    return { name, text, workflow: parseDocument(text).toJS() as Workflow };
  }),
);

function workflow(name: string): Workflow {
  const found = workflows.find((entry) => entry.name === name);
  if (found === undefined) throw new Error(`There is no ${name}.`);
  return found.workflow;
}

const stepsOf = ({ jobs }: Workflow): readonly Step[] =>
  Object.values(jobs).flatMap(({ steps = [] }) => steps);

/** Every action that is not this repository's own must be a full commit, with its version beside it. */
function unpinned(text: string): readonly string[] {
  const references: string[] = [];
  visit(parseDocument(text), {
    Pair(_, { key, value }) {
      if (!isScalar(key) || key.value !== 'uses' || !isScalar(value)) return;
      references.push(`${String(value.value)}${value.comment ? ` #${value.comment}` : ''}`);
    },
  });
  return references.filter(
    (reference) => !/^(?:\.\/\S+|[\w.-]+\/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+)$/u.test(reference),
  );
}

it('every action is pinned by its full commit, with its version beside it', () => {
  expect(workflows.map(({ name }) => name).toSorted()).toEqual(['azure-dev.yml', 'ci.yml', 'deploy.yml']);
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

it('azd is the one that the rehearsal follows', () => {
  for (const name of ['deploy.yml', 'azure-dev.yml']) {
    const installations = stepsOf(workflow(name)).filter(({ uses = '' }) =>
      uses.startsWith('Azure/setup-azd@'),
    );
    expect(installations.length).toBeGreaterThan(0);
    for (const { with: inputs } of installations) expect(inputs).toEqual({ version: followedAzdVersion });
  }
});

it('no secret is used: Entra trusts the tokens of GitHub', () => {
  for (const { text } of workflows) expect(text).not.toMatch(/secrets\s*[.[:]|client-secret|password/iu);
});

it('a token for Entra is given to deployments only, and nothing may write to the repository', () => {
  for (const {
    name,
    workflow: { permissions, jobs },
  } of workflows) {
    expect(permissions).toEqual({ contents: 'read' });
    const granted = Object.entries(jobs).filter(([, job]) => job.permissions !== undefined);
    for (const [, job] of granted) expect(job.permissions).toEqual({ contents: 'read', 'id-token': 'write' });
    const deploying = { 'deploy.yml': ['staging', 'production'], 'azure-dev.yml': ['deploy'] }[name] ?? [];
    expect({ name, granted: granted.map(([job]) => job) }).toEqual({ name, granted: deploying });
  }
});

it('production comes after staging, from the package that was tested', () => {
  const { staging, production, ci } = workflow('deploy.yml').jobs;
  expect(production).toMatchObject({ needs: 'staging', environment: { name: 'production' } });
  expect(staging).toMatchObject({ needs: 'ci', environment: { name: 'staging' } });
  expect(ci?.uses).toBe('./.github/workflows/ci.yml');
  expect(production?.steps).toEqual(staging?.steps);
});

it('what is deployed is what CI kept, and a role that is too new is waited for', () => {
  const kept = stepsOf(workflow('ci.yml')).find(({ uses }) => uses?.startsWith('actions/upload-artifact@'));
  expect(kept?.with).toMatchObject({ name: 'app', path: 'out/app.zip' });
  for (const name of ['deploy.yml', 'azure-dev.yml']) {
    for (const job of Object.values(workflow(name).jobs).filter(({ steps }) => steps !== undefined)) {
      const steps = job.steps ?? [];
      const download = steps.find(({ uses }) => uses?.startsWith('actions/download-artifact@'));
      expect(download?.with).toEqual({ name: 'app', path: 'out' });
      expect(
        steps
          .flatMap(({ run = '' }) => run.split('\n'))
          .filter((line) => /\bazd (?:provision|deploy)/u.test(line)),
      ).toEqual([
        'node scripts/retry-denied.ts azd provision --no-prompt',
        'node scripts/retry-denied.ts azd deploy app --from-package out/app.zip --no-prompt',
      ]);
      expect(steps.map(({ run = '' }) => run).join('\n')).not.toMatch(/npm|azd (?:up|package)/u);
    }
  }
});

it('azd pipeline config finds its workflow, which does nothing before, and deploys as deploy.yml does', () => {
  const { on, jobs } = workflow('azure-dev.yml');
  // The branch that its federated credential is for, not a GitHub environment.
  expect(on).toMatchObject({ push: { branches: ['main'] } });
  expect(jobs['ci']?.if).toBe("vars.AZURE_CLIENT_ID != ''");
  expect(jobs['deploy']).toMatchObject({ needs: 'ci' });
  expect(jobs['deploy']).not.toHaveProperty('environment');
  expect(jobs['deploy']?.steps).toEqual(workflow('deploy.yml').jobs['staging']?.steps);
});

it('nothing a stranger can choose is put into a script', () => {
  for (const { workflow: parsed } of workflows) {
    const triggers = Object.keys(parsed.on);
    expect(triggers.filter((trigger) => ['pull_request_target', 'workflow_run'].includes(trigger))).toEqual(
      [],
    );
    expect(stepsOf(parsed).filter(({ run = '' }) => run.includes('${{'))).toEqual([]);
  }
});
