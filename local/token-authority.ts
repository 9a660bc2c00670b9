// A local Entra authority: discovery and the client credentials grant, over HTTPS.
// Asked by ClientSecretCredential and ClientCertificateCredential. Knows nothing of Redis or Storage.
//
// Held to https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow

import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import { text } from 'node:stream/consumers';
import {
  AuthorityDocuments,
  type DocumentRequest,
  type DocumentsBehaviour,
  type DocumentsBehaviourName,
} from './authority-documents.ts';
import type { CacheRegistration } from './cache-registration.ts';
import { answerCallerToken, callerTokenPath } from './caller-tokens.ts';
import type { CertificateAndKey } from './pem.ts';
import { assertionFault } from './client-assertion.ts';
import { sendJson, type JsonBody } from './json-response.ts';
import { keepAliveTimeoutMs, listenOnLoopback } from './listening.ts';
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
  /** What tokens with roles are for; without it there are none. */
  readonly cache?: CacheRegistration;
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
  /** The last 1,000 requests for what is published for verifiers. */
  readonly documentRequests: readonly DocumentRequest[];
  /** Of discovery and keys; tokens have their own. */
  setDocumentsBehaviour(behaviour: DocumentsBehaviour | DocumentsBehaviourName): void;
  stop(): Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly body: JsonBody;
}

const notFound: Answer = { status: 404, body: { error: 'not_found' } };

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
  const desk = new TokenDesk({
    ...options,
    issuer: options.cache ?? options.issuer,
    reuseForLifeFraction: 0,
  });
  const documents = new AuthorityDocuments(options.issuer);
  let authorityUrl = '';

  const grant = async (form: URLSearchParams, tokenUrl: string): Promise<Answer | 'never'> => {
    await authenticate(form, clientSecret, tokenUrl, options);
    return issue(form, desk, options.application);
  };

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = request.method === 'POST' ? await text(request) : '';
    const { pathname } = new URL(request.url ?? '/', authorityUrl);
    const [, tenant = '', ...rest] = pathname.split('/');
    const path = rest.join('/');
    const tenantUrl = `${authorityUrl}/${tenant}`;
    try {
      if (pathname === callerTokenPath && options.cache !== undefined) {
        const mayAsk = sameText(request.headers.authorization ?? '', `Bearer ${clientSecret}`);
        const answer = mayAsk ? await answerCallerToken(body, options.cache) : notFound;
        return sendJson(response, answer.status, answer.body);
      }
      if (tenant !== localTenantId && tenant !== anyTenant) {
        throw new Refusal(400, 'invalid_tenant', 90002, `Tenant '${tenant}' not found.`);
      }
      const answer =
        request.method === 'GET'
          ? await documents.answer(path, tenantUrl, tenant === anyTenant ? '{tenantid}' : tenant)
          : tenant === localTenantId && `${request.method} ${path}` === 'POST oauth2/v2.0/token'
            ? await grant(new URLSearchParams(body), `${tenantUrl}/oauth2/v2.0/token`)
            : undefined;
      if (answer === 'never') return;
      const { status, body: answered } = answer ?? notFound;
      sendJson(response, status, answered);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      sendJson(response, error.status, errorBody(error.code, error.number, error.message));
    }
  };

  const server = createServer(
    {
      cert: options.server.certificatePem,
      key: options.server.keyPem,
      keepAliveTimeout: keepAliveTimeoutMs,
    },
    (request, response) => {
      handle(request, response).catch(() => response.destroy());
    },
  );
  const listening = await listenOnLoopback(server);
  authorityUrl = `https://localhost:${listening.port}`;
  options.cache?.setAuthority(authorityUrl);
  return {
    url: authorityUrl,
    tenantId: localTenantId,
    clientId: options.application.clientId,
    clientSecret,
    calls: desk.calls,
    setBehaviour: (behaviour) => desk.setBehaviour(behaviour),
    setTokenLifetimeMs: (lifetimeMs) => desk.setTokenLifetimeMs(lifetimeMs),
    forget: () => desk.forget(),
    documentRequests: documents.requests,
    setDocumentsBehaviour: (behaviour) => documents.setBehaviour(behaviour),
    stop: () => listening.close(),
  };
}

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
