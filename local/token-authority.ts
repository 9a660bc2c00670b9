// A local Entra authority: discovery and the client credentials grant, over HTTPS.
// Asked by ClientSecretCredential and ClientCertificateCredential. Knows nothing of Redis or Storage.
//
// Held to https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow

import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import { text } from 'node:stream/consumers';
import type { CertificateAndKey } from './certificates.ts';
import { assertionFault } from './client-assertion.ts';
import { sendJson, type JsonBody } from './json-response.ts';
import { listenOnLoopback } from './listening.ts';
import {
  TokenDesk,
  type TokenCall,
  type TokenServiceBehaviour,
  type TokenServiceBehaviourName,
} from './token-desk.ts';
import { localTenantId, type Identity, type TokenIssuer } from './token-issuer.ts';

const anyTenant = 'common';

export interface TokenAuthorityOptions {
  readonly issuer: TokenIssuer;
  readonly server: CertificateAndKey;
  readonly tokenLifetimeMs: number;
  /** The application registration that may sign in. */
  readonly application: Identity;
  /** What the application may sign its assertions with. */
  readonly applicationCertificatePem: string;
}

export interface TokenAuthority {
  /** For AZURE_AUTHORITY_HOST; instance discovery must be off. */
  readonly url: string;
  readonly tenantId: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** The last 1,000 token requests that named a known application and a scope. */
  readonly calls: readonly TokenCall[];
  setBehaviour(behaviour: TokenServiceBehaviour | TokenServiceBehaviourName): void;
  setTokenLifetimeMs(lifetimeMs: number): void;
  forget(): void;
  stop(): Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly body: JsonBody;
}

/** A request that Entra refuses, with its AADSTS number. */
class Refusal extends Error {
  readonly status: number;
  readonly code: string;
  readonly number: number;

  constructor(status: number, code: string, number: number, message: string) {
    super(message);
    this.status = status;
    this.code = code;
    this.number = number;
  }
}

export async function startTokenAuthority(options: TokenAuthorityOptions): Promise<TokenAuthority> {
  const clientSecret = randomBytes(24).toString('base64url');
  // Unlike the identity platform's endpoint, Entra issues a new token for every request.
  const desk = new TokenDesk({ ...options, reuseForLifeFraction: 0 });
  let authorityUrl = '';

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = request.method === 'POST' ? await text(request) : '';
    const { pathname } = new URL(request.url ?? '/', authorityUrl);
    const [, tenant, ...rest] = pathname.split('/');
    try {
      if (tenant === anyTenant) {
        const document = discovery(
          `${request.method} ${rest.join('/')}`,
          `${authorityUrl}/${anyTenant}`,
          options,
        );
        return sendJson(response, document === undefined ? 404 : 200, document ?? { error: 'not_found' });
      }
      if (tenant !== localTenantId) {
        throw new Refusal(400, 'invalid_tenant', 90002, `Tenant '${tenant}' not found.`);
      }
      const tenantUrl = `${authorityUrl}/${tenant}`;
      const route = `${request.method} ${rest.join('/')}`;
      if (route === 'GET v2.0/.well-known/openid-configuration') {
        sendJson(response, 200, openIdConfiguration(tenantUrl));
      } else if (route === 'GET discovery/v2.0/keys') {
        sendJson(response, 200, { ...options.issuer.keys });
      } else if (route === 'POST oauth2/v2.0/token') {
        const form = new URLSearchParams(body);
        await authenticate(form, clientSecret, `${tenantUrl}/oauth2/v2.0/token`, options);
        const answer = await issue(form, desk, options.application);
        if (answer !== 'never') sendJson(response, answer.status, answer.body);
      } else {
        sendJson(response, 404, { error: 'not_found' });
      }
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      sendJson(response, error.status, errorBody(error.code, error.number, error.message));
    }
  };

  const server = createServer(
    { cert: options.server.certificatePem, key: options.server.keyPem },
    (request, response) => {
      handle(request, response).catch(() => response.destroy());
    },
  );
  const listening = await listenOnLoopback(server);
  authorityUrl = `https://localhost:${listening.port}`;
  return {
    url: authorityUrl,
    tenantId: localTenantId,
    clientId: options.application.clientId,
    clientSecret,
    calls: desk.calls,
    setBehaviour: (behaviour) => desk.setBehaviour(behaviour),
    setTokenLifetimeMs: (lifetimeMs) => desk.setTokenLifetimeMs(lifetimeMs),
    forget: () => desk.forget(),
    stop: () => listening.close(),
  };
}

/**
 * The v1.0 documents that hold for all tenants, for who checks tokens. As in Entra's, the issuer is a template:
 * https://login.microsoftonline.com/common/.well-known/openid-configuration
 */
function discovery(
  route: string,
  anyTenantUrl: string,
  { issuer }: TokenAuthorityOptions,
): JsonBody | undefined {
  if (route === 'GET discovery/keys') return { keys: issuer.keys.keys };
  if (route !== 'GET .well-known/openid-configuration') return undefined;
  return {
    issuer: 'https://sts.windows.net/{tenantid}/',
    authorization_endpoint: `${anyTenantUrl}/oauth2/authorize`,
    token_endpoint: `${anyTenantUrl}/oauth2/token`,
    jwks_uri: `${anyTenantUrl}/discovery/keys`,
    response_types_supported: ['code', 'id_token'],
    subject_types_supported: ['pairwise'],
    id_token_signing_alg_values_supported: ['RS256'],
  };
}

// https://learn.microsoft.com/entra/identity-platform/v2-protocols-oidc : what MSAL requires of it.
const openIdConfiguration = (tenantUrl: string): JsonBody => ({
  issuer: `${tenantUrl}/v2.0`,
  authorization_endpoint: `${tenantUrl}/oauth2/v2.0/authorize`,
  token_endpoint: `${tenantUrl}/oauth2/v2.0/token`,
  jwks_uri: `${tenantUrl}/discovery/v2.0/keys`,
  response_types_supported: ['code', 'id_token'],
  subject_types_supported: ['pairwise'],
  id_token_signing_alg_values_supported: ['RS256'],
  token_endpoint_auth_methods_supported: ['client_secret_post', 'private_key_jwt'],
});

async function authenticate(
  form: URLSearchParams,
  clientSecret: string,
  tokenUrl: string,
  options: TokenAuthorityOptions,
): Promise<void> {
  if (form.get('grant_type') !== 'client_credentials') {
    throw new Refusal(400, 'unsupported_grant_type', 70003, 'Only client_credentials is supported here.');
  }
  const clientId = form.get('client_id') ?? '';
  if (clientId !== options.application.clientId) {
    throw new Refusal(400, 'unauthorized_client', 700016, `Application '${clientId}' was not found.`);
  }
  const secret = form.get('client_secret');
  const assertion = form.get('client_assertion');
  if (secret !== null) {
    if (!sameText(secret, clientSecret)) {
      throw new Refusal(401, 'invalid_client', 7000215, 'Invalid client secret provided.');
    }
  } else if (assertion !== null) {
    const fault = await assertionFault(assertion, {
      certificatePem: options.applicationCertificatePem,
      clientId,
      tokenUrl,
    });
    if (fault !== undefined) throw new Refusal(401, 'invalid_client', 700027, fault);
  } else {
    throw new Refusal(401, 'invalid_client', 7000216, 'client_assertion or client_secret is required.');
  }
}

async function issue(form: URLSearchParams, desk: TokenDesk, identity: Identity): Promise<Answer | 'never'> {
  // `<resource>/.default` is the only form of scope this grant takes.
  const [, resource] = /^(\S+)\/\.default$/u.exec(form.get('scope') ?? '') ?? [];
  if (resource === undefined) {
    throw new Refusal(400, 'invalid_scope', 1002012, 'The scope must be <resource>/.default.');
  }
  const answer = await desk.ask(resource, identity.clientId, identity);
  if (answer.kind === 'hung') return 'never';
  if (answer.kind === 'failed') {
    const message = 'The token authority was told to fail.';
    return { status: answer.status, body: errorBody('server_error', 90033, message) };
  }
  const { token, expiresAtMs } = answer.issued;
  const expiresIn = Math.ceil((expiresAtMs - Date.now()) / 1000);
  return {
    status: 200,
    body: { token_type: 'Bearer', expires_in: expiresIn, ext_expires_in: expiresIn, access_token: token },
  };
}

// https://learn.microsoft.com/entra/identity-platform/reference-error-codes
const errorBody = (error: string, number: number, message: string): JsonBody => ({
  error,
  error_description: `AADSTS${number}: ${message}`,
  error_codes: [number],
  timestamp: new Date().toISOString(),
});

function sameText(left: string, right: string): boolean {
  const [a, b] = [Buffer.from(left), Buffer.from(right)];
  return a.length === b.length && timingSafeEqual(a, b);
}
