// Makes the app registration that callers' tokens are for: app roles, Application ID URI, service principal, and who is
// assigned which role. Run again, it changes only what is missing. No secret is made: callers have identities of their own.
//
// Commands that do the same by hand: docs/deploy.md, "Callers with tokens".

import { parseArgs } from 'node:util';
import { runAz, whyAzFailed, type Az } from './az.ts';
import {
  Graph,
  type Application,
  type AppRole,
  type Assignment,
  type ServicePrincipal,
} from './register-callers/graph.ts';

export interface Registration {
  readonly name: string;
  /** Of one that is there, whatever its name. */
  readonly appId?: string | undefined;
  /** Object ids of identities, users or groups, and the roles that each is to have. */
  readonly assignments: readonly { readonly principalId: string; readonly roles: readonly string[] }[];
  /** Whether users may get tokens with `az account get-access-token`, without being asked for consent. */
  readonly azureCli: boolean;
}

export interface Registered {
  readonly tenantId: string;
  /** The audience of the tokens. */
  readonly appId: string;
}

const role = (id: string, value: string, displayName: string) => ({
  id,
  value,
  displayName,
  description: displayName,
  allowedMemberTypes: ['User', 'Application'],
  isEnabled: true,
});

// Ids of roles belong to their registration: they may be the same in every tenant.
export const appRoles = [
  role('3f0f6a53-6d0b-4b7e-9a43-0c6d2b7c1e01', 'Cache.Read', 'Read entries of the cache'),
  role('3f0f6a53-6d0b-4b7e-9a43-0c6d2b7c1e02', 'Cache.Write', 'Write and remove entries of the cache'),
  role('3f0f6a53-6d0b-4b7e-9a43-0c6d2b7c1e03', 'Cache.Purge', 'Purge the cache'),
  role('3f0f6a53-6d0b-4b7e-9a43-0c6d2b7c1e04', 'Fleet.Read', 'See the instances of the app'),
];

const userImpersonation = {
  id: '3f0f6a53-6d0b-4b7e-9a43-0c6d2b7c1e05',
  value: 'user_impersonation',
  type: 'User',
  isEnabled: true,
  adminConsentDisplayName: 'Use the cache',
  adminConsentDescription: 'Lets a client use the cache with the roles of the user who is signed in.',
  userConsentDisplayName: 'Use the cache',
  userConsentDescription: 'Lets a client use the cache with your roles.',
};
/** https://learn.microsoft.com/troubleshoot/entra/entra-id/governance/verify-first-party-apps-sign-in */
const azureCliAppId = '04b07795-8ddb-461a-bbee-02f9e1bf7b46';

/** @param log is told each thing that is done, and nothing where nothing is. */
export async function register(
  az: Az,
  registration: Registration,
  log: (line: string) => void = console.log,
  pauseMs?: number,
): Promise<Registered> {
  const graph = new Graph({ az, ...(pauseMs !== undefined && { pauseMs }) });
  const tenantId = String(await az(['account', 'show', '--query', 'tenantId']));
  const application = await withRoles(graph, await applicationOf(graph, registration, log), log);
  if (registration.azureCli) await letAzureCliIn(graph, application, log);
  const principal = await servicePrincipalOf(graph, application, log);
  await assign(graph, { application, principal, assignments: registration.assignments, log });
  return { tenantId, appId: application.appId };
}

async function applicationOf(
  graph: Graph,
  { name, appId }: Registration,
  log: (line: string) => void,
): Promise<Application> {
  const [field, value] = appId === undefined ? ['displayName', name] : ['appId', appId];
  const filter = encodeURIComponent(`${field} eq '${value.replaceAll("'", "''")}'`);
  const [found, ...more] = await graph.list<Application>(`applications?$filter=${filter}`);
  if (more.length > 0) throw new Error(`Several registrations are called "${name}": choose one by --app-id.`);
  if (found !== undefined) return found;
  if (appId !== undefined) throw new Error(`There is no registration with the client id ${appId}.`);
  const made = await graph.create<Application>('applications', {
    displayName: name,
    signInAudience: 'AzureADMyOrg',
    appRoles,
    api: { requestedAccessTokenVersion: 2 },
  });
  log(`The registration "${name}" is made: ${made.appId}.`);
  return made;
}

/** With its roles, its URI, and tokens of version 2. What it has besides is kept. */
async function withRoles(
  graph: Graph,
  application: Application,
  log: (line: string) => void,
): Promise<Application> {
  const { id, appId, identifierUris, api } = application;
  const missing = appRoles.filter(({ value }) => idOf(application.appRoles, value) === undefined);
  const uri = `api://${appId}`;
  const changes: Partial<Application> = {
    ...(missing.length > 0 && { appRoles: [...application.appRoles, ...missing] }),
    ...(!identifierUris.includes(uri) && { identifierUris: [...identifierUris, uri] }),
    ...(api.requestedAccessTokenVersion !== 2 && { api: { ...api, requestedAccessTokenVersion: 2 } }),
  };
  if (Object.keys(changes).length === 0) return application;
  await graph.update(`applications/${id}`, changes);
  log(`The registration has been given: ${Object.keys(changes).join(', ')}.`);
  return { ...application, ...changes };
}

async function letAzureCliIn(
  graph: Graph,
  { id, api }: Application,
  log: (line: string) => void,
): Promise<void> {
  const { oauth2PermissionScopes: scopes = [], preAuthorizedApplications: clients = [] } = api;
  const scopeId = idOf(scopes, userImpersonation.value) ?? userImpersonation.id;
  const withScope = { ...api, oauth2PermissionScopes: [...scopes, userImpersonation] };
  const isExposed = idOf(scopes, userImpersonation.value) !== undefined;
  // In two steps: a client can be let in to a scope only that is there.
  if (!isExposed) await graph.update(`applications/${id}`, { api: withScope });
  if (clients.some(({ appId }) => appId === azureCliAppId)) return;
  const azureCli = { appId: azureCliAppId, delegatedPermissionIds: [scopeId] };
  const changed = { ...(isExposed ? api : withScope), preAuthorizedApplications: [...clients, azureCli] };
  await graph.update(`applications/${id}`, { api: changed });
  log('Users may get tokens by the Azure CLI.');
}

/** One that gives no token to whoever has no role. */
async function servicePrincipalOf(
  graph: Graph,
  { appId }: Application,
  log: (line: string) => void,
): Promise<ServicePrincipal> {
  const filter = encodeURIComponent(`appId eq '${appId}'`);
  let [principal] = await graph.list<ServicePrincipal>(`servicePrincipals?$filter=${filter}`);
  if (principal === undefined) {
    principal = await graph.create<ServicePrincipal>('servicePrincipals', { appId });
    log('Its service principal is made.');
  }
  if (!principal.appRoleAssignmentRequired) {
    await graph.update(`servicePrincipals/${principal.id}`, { appRoleAssignmentRequired: true });
    log('Tokens are given to those only who are assigned a role.');
  }
  return principal;
}

interface Assigning {
  readonly application: Application;
  readonly principal: ServicePrincipal;
  readonly assignments: Registration['assignments'];
  readonly log: (line: string) => void;
}

async function assign(graph: Graph, { application, principal, assignments, log }: Assigning): Promise<void> {
  if (assignments.length === 0) return;
  const path = `servicePrincipals/${principal.id}/appRoleAssignedTo`;
  const made = await graph.list<Assignment>(path);
  const isMade = (principalId: string, appRoleId: string): boolean =>
    made.some((one) => one.principalId === principalId && one.appRoleId === appRoleId);
  for (const { principalId, roles } of assignments) {
    for (const value of roles) {
      const appRoleId = idOf(application.appRoles, value) ?? '';
      if (isMade(principalId, appRoleId)) continue;
      await graph.create(path, { principalId, resourceId: principal.id, appRoleId });
      log(`${principalId} has the role ${value}.`);
    }
  }
}

function idOf(roles: readonly AppRole[], value: string): string | undefined {
  return roles.find((one) => one.value === value)?.id;
}

const usage = `Usage: npm run register-callers -- [options]

  --name NAME               of the registration (redis-entra-functions)
  --app-id ID               one that is there, by its client id
  --assign OBJECT_ID=ROLES  who may call: ${appRoles.map(({ value }) => value).join(', ')}, separated by commas;
                            the object id of a managed identity, a user or a group; once for each
  --azure-cli               users may get tokens with az account get-access-token

It needs az, signed in as somebody who may register applications and assign their roles.`;

/** @throws Error that says how it is used. */
export function parseRegistration(args: readonly string[]): Registration {
  const { values } = parseArgs({
    args: [...args],
    options: {
      name: { type: 'string', default: 'redis-entra-functions' },
      'app-id': { type: 'string' },
      assign: { type: 'string', multiple: true, default: [] },
      'azure-cli': { type: 'boolean', default: false },
    },
  });
  const assignments = values.assign.map((text) => {
    const [, principalId = '', list = ''] = /^([\da-f-]{36})=(.+)$/iu.exec(text) ?? [];
    const roles = list.split(',');
    if (roles.some((value) => idOf(appRoles, value) === undefined)) throw new Error(`--assign ${text}`);
    return { principalId: principalId.toLowerCase(), roles };
  });
  return { name: values.name, appId: values['app-id'], assignments, azureCli: values['azure-cli'] };
}

function parsed(args: readonly string[]): Registration {
  try {
    return parseRegistration(args);
  } catch (error) {
    throw new Error(`${(error as Error).message}\n\n${usage}`, { cause: error });
  }
}

if (import.meta.main) {
  try {
    const { tenantId, appId } = await register(runAz, parsed(process.argv.slice(2)));
    console.log(`
The registration is as it should be. For the app:

  azd env set DEPLOY_CALLERS entra
  azd env set DEPLOY_CALLERS_TENANT_ID ${tenantId}
  azd env set DEPLOY_CALLERS_AUDIENCE ${appId}`);
  } catch (error) {
    console.error(whyAzFailed(error));
    process.exitCode = 1;
  }
}
