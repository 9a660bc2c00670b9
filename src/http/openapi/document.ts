// The HTTP side as an OpenAPI 3.1 document, of the definitions that its handlers use.

import { operations, type OperationName } from '../operations.ts';
import type { ProblemCode } from '../problem.ts';
import { describeOperations, type CacheLimits, type Described } from './described.ts';
import { fleetSchemas } from './fleet-schema.ts';
import type { Json } from './json.ts';
import { problemAnswers } from './problem-answers.ts';
import { schemas } from './schemas.ts';

/** Who is let in: whoever has a key of the host, or a token; `keys-or-tokens` where the document is of no one app. */
export type Security = 'anybody' | 'keys' | 'tokens' | 'keys-or-tokens';

export interface ApiOptions extends CacheLimits {
  readonly version: string;
  /** What the paths are below, without a slash at its end: `/api`. */
  readonly basePath: string;
  /** Those that are undefined are not there. */
  readonly routes: Readonly<Partial<Record<OperationName, string | undefined>>>;
  readonly security: Security;
  /** Of the fleet, which is registered by itself. */
  readonly fleetSecurity?: Security | undefined;
}

const keys = [{ functionKey: [] }, { functionKeyInQuery: [] }];
const keySchemes = {
  functionKey: { type: 'apiKey', in: 'header', name: 'x-functions-key', description: 'A key of the host.' },
  functionKeyInQuery: { type: 'apiKey', in: 'query', name: 'code', description: 'The same in the query.' },
};
const tokenScheme = {
  type: 'http',
  scheme: 'bearer',
  bearerFormat: 'JWT',
  description: 'A token of Microsoft Entra ID for this app. The names beside it are app roles.',
};

export function openApiDocument(options: ApiOptions): Json {
  const { version, basePath, routes, security, fleetSecurity = security } = options;
  const all = describeOperations(options);
  const paths = new Map<string, Json>();
  for (const [name, route] of Object.entries(routes) as [OperationName, string | undefined][]) {
    if (route === undefined) continue;
    const secured = name === 'fleet' ? fleetSecurity : security;
    const path = `/${route}`;
    paths.set(path, { ...paths.get(path), ...methodsOf(name, all[name], secured) });
  }
  const used = [security, fleetSecurity];
  const securitySchemes = {
    ...(used.some((one) => one.startsWith('keys')) ? keySchemes : {}),
    ...(used.some((one) => one.endsWith('tokens')) ? { entra: tokenScheme } : {}),
  };
  return {
    openapi: '3.1.0',
    info: {
      title: 'redis-entra-functions',
      version,
      license: { name: 'MIT', identifier: 'MIT' },
      description:
        'A cache over HTTP, in front of Azure Managed Redis. What Azure Functions does not hand on to it, as fields that cannot be read or routes that do not exist, is answered with 400 or 404 and no body.',
    },
    servers: [{ url: basePath === '' ? '/' : basePath }],
    paths: Object.fromEntries(paths),
    components: { schemas: { ...schemas, ...fleetSchemas }, securitySchemes },
  };
}

function methodsOf(name: OperationName, described: Described, security: Security): Json {
  const { methods } = operations[name];
  return Object.fromEntries(
    methods.map((method) => [method.toLowerCase(), operationOf(name, described, security, method)]),
  );
}

function operationOf(name: OperationName, described: Described, security: Security, method: string): Json {
  const { summary, requestBody, answers } = described;
  const isHead = method === 'HEAD';
  const parameters = (described.parameters ?? []).filter((one) => one !== undefined);
  const responses = { ...answers, ...errorsOf(name, described, security) };
  return {
    operationId: isHead ? `${name}Head` : name,
    summary: isHead ? `${summary}: without the body` : summary,
    security: securityOf(name, security),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(requestBody === undefined ? {} : { requestBody }),
    responses: isHead ? withoutBodies(responses) : responses,
  };
}

function securityOf(name: OperationName, security: Security): readonly Json[] {
  const { roles } = operations[name];
  if (roles === undefined || security === 'anybody') return [];
  const tokens = [{ entra: [...roles] }];
  return { keys, tokens, 'keys-or-tokens': [...keys, ...tokens] }[security];
}

function errorsOf(
  name: OperationName,
  described: Described,
  security: Security,
): Readonly<Record<string, Json>> {
  const { roles } = operations[name];
  const { problems, problemOptions, namesKeys = false } = described;
  if (roles === undefined || security === 'anybody') return problemAnswers(problems, problemOptions);
  const unknownKey = { 401: { description: 'The host asks for a key.' } };
  if (security === 'keys') return { ...unknownKey, ...problemAnswers(problems, problemOptions) };
  const ofTokens: readonly ProblemCode[] = [
    'invalid-header',
    'unauthenticated',
    ...(roles.length > 0 ? (['forbidden'] as const) : []),
    ...(namesKeys ? (['prefix-forbidden'] as const) : []),
    'authority-unavailable',
  ];
  return problemAnswers([...new Set([...problems, ...ofTokens])], problemOptions);
}

/** JSON has nothing of what is undefined. */
function withoutBodies(responses: Readonly<Record<string, Json>>): Json {
  const bare = Object.entries(responses).map(
    ([status, answer]) => [status, { ...answer, content: undefined }] as const,
  );
  return Object.fromEntries(bare);
}
