// Stands for `az` where a script asks it about app registrations: keeps a directory in a file beside it, notes each call,
// and answers as az and Microsoft Graph do. Run as a program of that name.

import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

type Entity = Record<string, unknown> & { id: string };

export interface Directory {
  applications: Entity[];
  servicePrincipals: Entity[];
  /** By service principal. */
  appRoleAssignedTo: Record<string, Entity[]>;
  /** So many assignments are refused at first, as where a principal was made a moment ago. */
  notKnownYet: number;
}

export const tenantId = 'aaaaaaaa-0000-4000-8000-000000000001';
const graph = 'https://graph.microsoft.com/v1.0/';

export class GraphError extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** @returns undefined where az prints nothing. */
export function answer(args: readonly string[], directory: Directory): unknown {
  const command = args.filter((arg) => !arg.startsWith('--')).slice(0, 2);
  const option = (name: string): string => args[args.indexOf(`--${name}`) + 1] ?? '';
  if (command[0] === 'account') return tenantId;
  if (command[0] === 'cloud') return 'https://graph.microsoft.com/';
  const url = option('url');
  if (command[0] !== 'rest' || !url.startsWith(graph))
    throw new Error(`az: not known here: ${args.join(' ')}`);
  const [path = '', query = ''] = url.slice(graph.length).split('?');
  const [collection = '', id, navigation] = path.split('/');
  const method = option('method');
  if (method === 'get') return read(collection, id, query, directory);
  const body = JSON.parse(option('body')) as Record<string, unknown>;
  if (method === 'patch') return update(collection, id, body, directory);
  return navigation === undefined ? create(collection, body, directory) : assign(id ?? '', body, directory);
}

const pageSize = 2;

function read(collection: string, id: string | undefined, query: string, directory: Directory): unknown {
  if (id !== undefined) {
    const all = directory.appRoleAssignedTo[id] ?? [];
    const skip = Number(/skiptoken=(\d+)/u.exec(query)?.[1] ?? 0);
    const value = all.slice(skip, skip + pageSize);
    const next = `${graph}servicePrincipals/${id}/appRoleAssignedTo?$skiptoken=${skip + pageSize}`;
    return { value, ...(skip + pageSize < all.length && { '@odata.nextLink': next }) };
  }
  const [, field = '', text = ''] = /^\$filter=(\w+) eq '(.*)'$/u.exec(decodeURIComponent(query)) ?? [];
  const entities = directory[collection as 'applications'];
  return { value: entities.filter((one) => one[field] === text.replaceAll("''", "'")) };
}

function update(
  collection: string,
  id: string | undefined,
  body: Record<string, unknown>,
  directory: Directory,
): undefined {
  const found = directory[collection as 'applications'].find((one) => one.id === id);
  if (found === undefined)
    throw new GraphError('Request_ResourceNotFound', `Resource '${id}' does not exist.`);
  const roles = (body['appRoles'] ?? found['appRoles'] ?? []) as Entity[];
  const dropped = ((found['appRoles'] ?? []) as Entity[]).filter(
    (before) => !roles.some((one) => one.id === before.id),
  );
  // https://learn.microsoft.com/graph/api/application-update
  if (dropped.length > 0) {
    throw new GraphError(
      'CannotDeleteOrUpdateEnabledEntitlement',
      'Permission cannot be deleted while enabled.',
    );
  }
  const { preAuthorizedApplications: clients = [] } = (body['api'] ?? {}) as Record<string, Entity[]>;
  const { oauth2PermissionScopes: scopes = [] } = (found['api'] ?? {}) as Record<string, Entity[]>;
  const asked = clients.flatMap((client) => client['delegatedPermissionIds'] as string[]);
  if (asked.some((scope) => !scopes.some((one) => one.id === scope))) {
    throw new GraphError('InvalidValue', 'A delegated permission is not found.');
  }
  Object.assign(found, body);
  return undefined;
}

function create(collection: string, body: Record<string, unknown>, directory: Directory): Entity {
  const entities = directory[collection as 'applications'];
  const number = String(entities.length + 1).padStart(12, '0');
  const made =
    collection === 'applications'
      ? {
          id: `0b1ec700-0000-4000-8000-${number}`,
          appId: `c11e0000-0000-4000-8000-${number}`,
          identifierUris: [],
          ...body,
          api: {
            oauth2PermissionScopes: [],
            preAuthorizedApplications: [],
            ...(body['api'] as object),
          },
        }
      : { id: `5e4fce00-0000-4000-8000-${number}`, appRoleAssignmentRequired: false, ...body };
  entities.push(made);
  return made;
}

function assign(id: string, body: Record<string, unknown>, directory: Directory): Entity {
  if (directory.notKnownYet > 0) {
    directory.notKnownYet -= 1;
    throw new GraphError(
      'Request_ResourceNotFound',
      `Resource '${String(body['principalId'])}' does not exist.`,
    );
  }
  const assigned = (directory.appRoleAssignedTo[id] ??= []);
  const same = (one: Entity): boolean =>
    one['principalId'] === body['principalId'] && one['appRoleId'] === body['appRoleId'];
  if (assigned.some((one) => same(one))) {
    throw new GraphError('Request_BadRequest', 'Permission being assigned already exists on the object');
  }
  const made = { id: `assignment-${assigned.length + 1}`, ...body };
  assigned.push(made);
  return made;
}

if (import.meta.main) {
  const [folder = '', ...args] = process.argv.slice(2);
  const path = join(folder, 'directory.json');
  appendFileSync(join(folder, 'calls.jsonl'), `${JSON.stringify(args)}\n`);
  const directory: Directory = existsSync(path)
    ? (JSON.parse(readFileSync(path, 'utf8')) as Directory)
    : { applications: [], servicePrincipals: [], appRoleAssignedTo: {}, notKnownYet: 0 };
  try {
    const answered = answer(args, directory);
    if (answered !== undefined) process.stdout.write(JSON.stringify(answered));
  } catch (error) {
    const { code, message } = error as GraphError;
    process.stderr.write(`ERROR: Not Found(${JSON.stringify({ error: { code, message } })})\n`);
    process.exitCode = 1;
  }
  writeFileSync(path, JSON.stringify(directory));
}
