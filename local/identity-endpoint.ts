// The managed-identity endpoint that App Service and Functions give every instance, on loopback.
// Asked by the app's ManagedIdentityCredential. Knows nothing of Redis or Storage.
//
// Held to https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference

import { randomBytes, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { sendJson, type JsonBody } from './json-response.ts';
import { keepAliveTimeoutMs, listenOnLoopback, loopback } from './listening.ts';
import {
  TokenDesk,
  type TokenCall,
  type TokenServiceBehaviour,
  type TokenServiceBehaviourName,
} from './token-desk.ts';
import type { Identity, TokenIssuer } from './token-issuer.ts';

const path = '/msi/token';
const apiVersion = '2019-08-01';

export interface IdentityEndpointOptions {
  readonly issuer: Pick<TokenIssuer, 'issue'>;
  readonly tokenLifetimeMs: number;
  readonly systemAssigned?: Identity;
  readonly userAssigned?: readonly Identity[];
  /**
   * The platform keeps a token per resource and identity; when it starts to hand out a new one is documented
   * nowhere (only "around 24 hours" and "not possible to force":
   * https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/managed-identity-best-practice-recommendations).
   * Half of its life is a choice, the one MSAL's refresh suggests.
   */
  readonly reuseForLifeFraction?: number;
}

export interface IdentityEndpoint {
  /** For IDENTITY_ENDPOINT. */
  readonly url: string;
  /** For IDENTITY_HEADER. */
  readonly header: string;
  /** The last 1,000 requests that named a resource with the right header. */
  readonly calls: readonly TokenCall[];
  setBehaviour(behaviour: TokenServiceBehaviour | TokenServiceBehaviourName): void;
  /** For tokens issued from now on; those in the platform's cache keep theirs (see `forget`). */
  setTokenLifetimeMs(lifetimeMs: number): void;
  /** Empties the platform's cache: the next request gets a new token. */
  forget(): void;
  /** Closes every connection, the hanging ones too. */
  stop(): Promise<void>;
}

export async function startIdentityEndpoint(options: IdentityEndpointOptions): Promise<IdentityEndpoint> {
  const header = randomBytes(24).toString('hex');
  const desk = new TokenDesk({
    issuer: options.issuer,
    tokenLifetimeMs: options.tokenLifetimeMs,
    reuseForLifeFraction: options.reuseForLifeFraction ?? 0.5,
  });
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const answer = await respond(request, header, desk, options);
    if (answer !== 'never') sendJson(response, answer.status, answer.body);
  };
  const server = createServer({ keepAliveTimeout: keepAliveTimeoutMs }, (request, response) => {
    handle(request, response).catch(() => response.destroy());
  });
  const listening = await listenOnLoopback(server);
  return {
    url: `http://${loopback}:${listening.port}${path}`,
    header,
    calls: desk.calls,
    setBehaviour: (behaviour) => desk.setBehaviour(behaviour),
    setTokenLifetimeMs: (lifetimeMs) => desk.setTokenLifetimeMs(lifetimeMs),
    forget: () => desk.forget(),
    stop: () => listening.close(),
  };
}

interface Answer {
  readonly status: number;
  readonly body: JsonBody;
}

async function respond(
  request: IncomingMessage,
  header: string,
  desk: TokenDesk,
  options: IdentityEndpointOptions,
): Promise<Answer | 'never'> {
  const url = new URL(request.url ?? '/', `http://${loopback}`);
  if (url.pathname !== path) return failure(404, 'No such resource.');
  if (request.method !== 'GET') return failure(405, 'Only GET is supported.');
  // It stops server-side request forgery: a forged request cannot carry the header.
  if (request.headers['x-identity-header'] !== header)
    return failure(401, 'Missing or wrong X-IDENTITY-HEADER.');
  const version = url.searchParams.get('api-version');
  if (version !== apiVersion) return failure(400, `api-version must be ${apiVersion}.`);
  const resource = url.searchParams.get('resource');
  if (resource === null || resource === '') return failure(400, 'The query parameter resource is required.');

  const clientId = url.searchParams.get('client_id') ?? undefined;
  const otherSelector = ['principal_id', 'object_id', 'mi_res_id'].find((name) => url.searchParams.has(name));
  const identity =
    otherSelector !== undefined
      ? undefined
      : clientId === undefined
        ? options.systemAssigned
        : options.userAssigned?.find((known) => known.clientId === clientId);
  if (identity === undefined) {
    desk.refuse(resource, clientId);
    return failure(400, 'No managed identity was found that matches the request.');
  }

  const answer = await desk.ask(resource, clientId, identity);
  if (answer.kind === 'hung') return 'never';
  if (answer.kind === 'failed') return failure(answer.status, 'The identity endpoint was told to fail.');
  const { token, expiresAtMs } = answer.issued;
  return {
    status: 200,
    body: {
      access_token: token,
      expires_on: String(expiresAtMs / 1000),
      resource,
      token_type: 'Bearer',
      client_id: identity.clientId,
    },
  };
}

const failure = (status: number, message: string): Answer => ({
  status,
  body: { statusCode: status, message, correlationId: randomUUID() },
});
