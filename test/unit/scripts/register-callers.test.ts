// The registration of callers, made by the script that runs `az`: once, and not again.

import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import type { Az } from '../../../scripts/az.ts';
import { appRoles, parseRegistration, register } from '../../../scripts/register-callers.ts';
import { answer, GraphError, tenantId, type Directory } from '../../support/fake-az.ts';

const root = join(import.meta.dirname, '../../..');
const identity = '0b1ec700-0000-4000-8000-00000000aaaa';
const user = '0b1ec700-0000-4000-8000-00000000bbbb';
const roleId = (value: string): string => appRoles.find((role) => role.value === value)?.id ?? '';

function emptyDirectory(): Directory {
  return { applications: [], servicePrincipals: [], appRoleAssignedTo: {}, notKnownYet: 0 };
}

/** What the script does to a directory, without processes: the lines that it logs. */
async function run(directory: Directory, ...args: readonly string[]): Promise<readonly string[]> {
  const az: Az = async (call) => {
    try {
      return answer(call, directory) ?? null;
    } catch (error) {
      if (!(error instanceof GraphError)) throw error;
      throw Object.assign(new Error('az failed'), { stderr: `${error.code}: ${error.message}` });
    }
  };
  const lines: string[] = [];
  await register(az, parseRegistration(args), (line) => lines.push(line), 0);
  return lines;
}

it('makes everything with az, says what to set, makes no secret, and changes nothing the second time', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'az-'));
  try {
    const program = join(root, 'test/support/fake-az.ts');
    const az = `#!/bin/sh\nexec '${process.execPath}' '${program}' '${folder}' "$@"\n`;
    await writeFile(join(folder, 'az'), az, { mode: 0o755 });
    const script = join(root, 'scripts/register-callers.ts');
    const args = [script, '--assign', `${identity}=Cache.Read,Cache.Write`];
    // Each call of az is a process, which would compile the same script again.
    const env = { PATH: folder, NODE_COMPILE_CACHE: join(folder, 'compiled') };
    const runScript = async (): Promise<string> =>
      (await promisify(execFile)(process.execPath, args, { env })).stdout;
    const directory = async (): Promise<string> => readFile(join(folder, 'directory.json'), 'utf8');

    const first = await runScript();
    expect(first).toContain('azd env set DEPLOY_CALLERS entra\n');
    expect(first).toContain(`azd env set DEPLOY_CALLERS_TENANT_ID ${tenantId}\n`);
    expect(first).toContain('azd env set DEPLOY_CALLERS_AUDIENCE c11e0000-0000-4000-8000-000000000001\n');
    const made = await directory();
    expect(JSON.parse(made)).toMatchObject({
      applications: [
        {
          signInAudience: 'AzureADMyOrg',
          identifierUris: ['api://c11e0000-0000-4000-8000-000000000001'],
          appRoles: appRoles.map(({ value }) => ({ value, isEnabled: true })),
          api: { requestedAccessTokenVersion: 2, preAuthorizedApplications: [] },
        },
      ],
      servicePrincipals: [{ appRoleAssignmentRequired: true }],
    });
    const callsBefore = (await readFile(join(folder, 'calls.jsonl'), 'utf8')).split('\n').length;

    const second = await runScript();
    expect(second).toMatch(/^\nThe registration is as it should be\./u);
    expect(first.endsWith(second)).toBe(true);
    expect(await directory()).toBe(made);
    const calls = (await readFile(join(folder, 'calls.jsonl'), 'utf8')).trim().split('\n');
    const again = calls.slice(callsBefore - 1);
    expect(again.length).toBeGreaterThan(3);
    expect(again.filter((call) => /"(?:post|patch)"/u.test(call))).toEqual([]);
    expect(calls.filter((call) => /credential|secret|password/iu.test(call))).toEqual([]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

it('gives each principal its roles, those that are missing only, over all pages', async () => {
  const directory = emptyDirectory();
  const all = 'Cache.Read,Cache.Write,Cache.Purge,Fleet.Read';
  await run(directory, '--assign', `${identity}=${all}`);
  expect(await run(directory, '--assign', `${identity}=${all}`, '--assign', `${user}=Cache.Read`)).toEqual([
    `${user} has the role Cache.Read.`,
  ]);
  const [assigned] = Object.values(directory.appRoleAssignedTo);
  expect(assigned).toHaveLength(5);
  expect(assigned?.at(-1)).toMatchObject({ principalId: user, appRoleId: roleId('Cache.Read') });
});

it('repairs what has been changed, and keeps what others have added', async () => {
  const directory = emptyDirectory();
  await run(directory);
  const [application] = directory.applications;
  const theirs = { id: 'theirs', value: 'Reports.Read' };
  Object.assign(application ?? {}, {
    appRoles: [theirs, { ...appRoles[0], id: 'another' }],
    identifierUris: ['api://theirs'],
    api: { requestedAccessTokenVersion: null, oauth2PermissionScopes: [{ id: 'scope', value: 'x' }] },
  });
  await run(directory, '--assign', `${identity}=Cache.Read`);
  const values = (application?.['appRoles'] as { value: string }[] | undefined)?.map(({ value }) => value);
  expect(values).toEqual(['Reports.Read', 'Cache.Read', 'Cache.Write', 'Cache.Purge', 'Fleet.Read']);
  expect(application?.['identifierUris']).toEqual([
    'api://theirs',
    `api://${String(application?.['appId'])}`,
  ]);
  expect(application?.['api']).toMatchObject({
    requestedAccessTokenVersion: 2,
    oauth2PermissionScopes: [{ id: 'scope', value: 'x' }],
  });
  // Of the role that is there.
  expect(Object.values(directory.appRoleAssignedTo)[0]).toMatchObject([{ appRoleId: 'another' }]);
});

it('lets users in by the Azure CLI where it is asked to, once', async () => {
  const directory = emptyDirectory();
  expect(await run(directory, '--azure-cli')).toContain('Users may get tokens by the Azure CLI.');
  expect(await run(directory, '--azure-cli')).toEqual([]);
  expect(directory.applications[0]?.['api']).toMatchObject({
    oauth2PermissionScopes: [{ value: 'user_impersonation' }],
    preAuthorizedApplications: [{ appId: '04b07795-8ddb-461a-bbee-02f9e1bf7b46' }],
  });
});

it('waits until what was made a moment ago is known, and gives up on what is never known', async () => {
  const directory = { ...emptyDirectory(), notKnownYet: 2 };
  await run(directory, '--assign', `${identity}=Cache.Read`);
  expect(Object.values(directory.appRoleAssignedTo)[0]).toHaveLength(1);
  const never = { ...emptyDirectory(), notKnownYet: 1000 };
  await expect(run(never, '--assign', `${identity}=Cache.Read`)).rejects.toThrow('az failed');
});

it('chooses none among several of one name, and takes the one that is named', async () => {
  const directory = emptyDirectory();
  await run(directory, '--name', "the team's");
  directory.applications.push({ ...structuredClone(directory.applications[0]), id: '2', appId: 'second' });
  await expect(run(directory, '--name', "the team's")).rejects.toThrow('choose one by --app-id');
  await run(directory, '--app-id', 'second');
  expect(directory.applications[1]?.['identifierUris']).toContain('api://second');
  await expect(run(directory, '--app-id', 'third')).rejects.toThrow(
    'no registration with the client id third',
  );
});

it.each([['--assign', `${identity}=Cache.Raed`], ['--assign', 'me=Cache.Read'], ['--secret']])(
  'refuses what it does not know: %s %s',
  (...args) => {
    expect(() => parseRegistration(args.filter(Boolean))).toThrow();
  },
);
