// What a local tenant publishes for those who verify its tokens: discovery and keys, as Entra does; and fails, hangs or
// is slow when told to. Knows nothing of the grants.

import { setTimeout as delay } from 'node:timers/promises';
import type { JsonBody } from './json-response.ts';
import type { TokenIssuer } from './token-issuer.ts';

export type DocumentsBehaviour =
  | { readonly mode: 'normal' }
  /** Answers with an error; status 503 unless said otherwise. */
  | { readonly mode: 'fail'; readonly status?: number }
  /** Accepts and never answers, not even after the behaviour has changed. */
  | { readonly mode: 'hang' }
  /** Normal, `delayMs` later. */
  | { readonly mode: 'slow'; readonly delayMs: number };

/** Behaviours without parameters may be given by name. */
export type DocumentsBehaviourName = Exclude<DocumentsBehaviour['mode'], 'slow'>;

export interface DocumentRequest {
  readonly atMs: number;
  readonly document: 'discovery' | 'keys';
}

export interface DocumentAnswer {
  readonly status: number;
  readonly body: JsonBody;
}

const keptRequests = 1000;

export class AuthorityDocuments {
  /** The last 1,000, answered or not. */
  readonly requests: DocumentRequest[] = [];
  readonly #keys: TokenIssuer['keys'];
  #behaviour: DocumentsBehaviour = { mode: 'normal' };

  constructor({ keys }: Pick<TokenIssuer, 'keys'>) {
    this.#keys = keys;
  }

  setBehaviour(behaviour: DocumentsBehaviour | DocumentsBehaviourName): void {
    this.#behaviour = typeof behaviour === 'string' ? { mode: behaviour } : behaviour;
  }

  /**
   * @param tenant its id; or, of the documents that are the same for all tenants, what stands for one.
   * @param path below `tenantUrl`.
   * @returns undefined where that is no document.
   */
  async answer(
    path: string,
    tenantUrl: string,
    tenant: string,
  ): Promise<DocumentAnswer | 'never' | undefined> {
    const publish = this.#documents(tenantUrl, tenant).get(path);
    if (publish === undefined) return undefined;
    this.requests.push({ atMs: Date.now(), document: path.endsWith('keys') ? 'keys' : 'discovery' });
    if (this.requests.length > keptRequests) this.requests.shift();
    const behaviour = this.#behaviour;
    if (behaviour.mode === 'hang') return 'never';
    if (behaviour.mode === 'fail') {
      return { status: behaviour.status ?? 503, body: { error: 'temporarily_unavailable' } };
    }
    if (behaviour.mode === 'slow') await delay(behaviour.delayMs, undefined, { ref: false });
    return { status: 200, body: publish() };
  }

  /** By path: those of version 2, and those of version 1. */
  #documents(tenantUrl: string, tenant: string): ReadonlyMap<string, () => JsonBody> {
    const { origin } = new URL(tenantUrl);
    const issuer = `${origin}/${tenant}/v2.0`;
    const { keys } = this.#keys;
    return new Map<string, () => JsonBody>([
      ['v2.0/.well-known/openid-configuration', () => discovery(tenantUrl, issuer, '/v2.0')],
      ['discovery/v2.0/keys', () => ({ keys: keys.map((key) => ({ ...key, issuer })) })],
      [
        '.well-known/openid-configuration',
        () => discovery(tenantUrl, `https://sts.windows.net/${tenant}/`, ''),
      ],
      ['discovery/keys', () => ({ keys })],
    ]);
  }
}

/** What MSAL and verifiers read in it: https://learn.microsoft.com/entra/identity-platform/v2-protocols-oidc */
const discovery = (tenantUrl: string, issuer: string, version: '' | '/v2.0'): JsonBody => ({
  token_endpoint: `${tenantUrl}/oauth2${version}/token`,
  token_endpoint_auth_methods_supported: ['client_secret_post', 'private_key_jwt'],
  jwks_uri: `${tenantUrl}/discovery${version}/keys`,
  subject_types_supported: ['pairwise'],
  id_token_signing_alg_values_supported: ['RS256'],
  response_types_supported: ['code', 'id_token'],
  issuer,
  authorization_endpoint: `${tenantUrl}/oauth2${version}/authorize`,
});
