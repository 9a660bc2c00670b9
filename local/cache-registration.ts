// The application registration of the cache's HTTP side, as a tenant has it: its app roles, who is assigned which, and
// tokens for it in both versions. Knows neither protocol by which they are asked for.
//
// Held to https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference

import { randomBytes } from 'node:crypto';
import {
  issuerUrl,
  localTenantId,
  notBeforeSeconds,
  type Identity,
  type IssuedToken,
  type IssueOptions,
  type TokenIssuer,
} from './token-issuer.ts';

/** Its client id; the audience of its tokens of version 2. */
export const cacheClientId = '10ca1000-0000-4000-8000-0000000000c1';
/** Its Application ID URI; callers ask for tokens for it. */
export const cacheIdUri = `api://${cacheClientId}`;
export const appRoles = ['Cache.Read', 'Cache.Write', 'Cache.Purge', 'Fleet.Read'] as const;

/** Somebody who signed in to the client with `clientId`. */
export const user: Identity = {
  clientId: '10ca1000-0000-4000-8000-0000000000a4',
  objectId: '10ca1000-0000-4000-8000-0000000000b4',
};

/** `requestedAccessTokenVersion` of a registration. */
export type TokenVersion = 1 | 2;

export interface CallerTokenOptions {
  /** App roles; those that the identity is assigned where undefined. */
  readonly roles?: readonly string[];
  readonly version?: TokenVersion;
  /** Whether a user signed in, or an application by itself; `application` unless said otherwise. */
  readonly kind?: 'application' | 'user';
  /** Who; an application with all roles, or the user, unless said otherwise. */
  readonly identity?: Identity;
  /** What was asked for: the Application ID URI unless said otherwise. Tokens of version 1 are for it. */
  readonly resource?: string;
  readonly lifetimeMs?: number;
  /** Now, unless a token from the past is wanted. */
  readonly issuedAtMs?: number;
  /** In the place of, or beside, those that Entra sets; undefined leaves one out. */
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly header?: Readonly<Record<string, unknown>>;
}

export class CacheRegistration {
  /** Of tokens that are asked for without naming one. */
  version: TokenVersion = 2;
  readonly #issuer: TokenIssuer;
  readonly #tokenLifetimeMs: number;
  readonly #assigned = new Map<string, readonly string[]>();
  #authorityUrl = 'https://login.microsoftonline.com';

  /** @param tokenLifetimeMs of tokens that are asked for without a lifetime. */
  constructor(issuer: TokenIssuer, tokenLifetimeMs: number) {
    this.#issuer = issuer;
    this.#tokenLifetimeMs = tokenLifetimeMs;
  }

  /** Where its tenant is: tokens of version 2 say so. */
  setAuthority(url: string): void {
    this.#authorityUrl = url;
  }

  /** In the place of the roles before; tokens issued from now on have them. */
  assign({ objectId }: Identity, roles: readonly string[]): void {
    this.#assigned.set(objectId, roles);
  }

  /** As the token services want it: tokens for the cache's HTTP side with roles, for any other resource without. */
  async issue(options: IssueOptions): Promise<IssuedToken> {
    const { audience: resource, identity, lifetimeMs, issuedAtMs = Date.now() } = options;
    if (resource !== cacheIdUri && resource !== cacheClientId) return this.#issuer.issue(options);
    const token = await this.token({ resource, identity, lifetimeMs, issuedAtMs });
    const expiresAtMs = Math.floor((issuedAtMs + lifetimeMs) / 1000) * 1000;
    return { token, audience: resource, identity, issuedAtMs, expiresAtMs };
  }

  /** A token for the cache's HTTP side, right unless `options` make it wrong. */
  async token(options: CallerTokenOptions = {}): Promise<string> {
    const { version = this.version, kind = 'application', resource = cacheIdUri } = options;
    const { lifetimeMs = this.#tokenLifetimeMs, issuedAtMs = Date.now() } = options;
    const identity = options.identity ?? (kind === 'user' ? user : cacheCaller);
    const roles = options.roles ?? this.#assigned.get(identity.objectId) ?? [];
    const issuedAt = Math.floor(issuedAtMs / 1000);
    const claims = {
      aud: version === 2 ? cacheClientId : resource,
      iss: version === 2 ? `${this.#authorityUrl}/${localTenantId}/v2.0` : issuerUrl,
      iat: issuedAt,
      nbf: issuedAt - notBeforeSeconds,
      exp: Math.floor((issuedAtMs + lifetimeMs) / 1000),
      ...(version === 2
        ? { azp: identity.clientId, azpacr: kind === 'user' ? '0' : '1' }
        : { appid: identity.clientId, appidacr: kind === 'user' ? '0' : '1' }),
      oid: identity.objectId,
      // Who has none gets a token all the same, without this claim.
      ...(roles.length > 0 && { roles }),
      ...(kind === 'user' ? userClaims(version) : { sub: identity.objectId }),
      tid: localTenantId,
      uti: randomBytes(16).toString('base64url'),
      ver: `${version}.0`,
      ...options.claims,
    };
    const given = Object.fromEntries(Object.entries(claims).filter(([, value]) => value !== undefined));
    return this.#issuer.sign(given, options.header);
  }
}

/** An application whose tokens have the roles that are asked for. */
const cacheCaller: Identity = {
  clientId: '10ca1000-0000-4000-8000-0000000000a5',
  objectId: '10ca1000-0000-4000-8000-0000000000b5',
};

function userClaims(version: TokenVersion): Readonly<Record<string, string>> {
  const name = 'ada@local.example';
  return {
    name: 'Ada',
    scp: 'user_impersonation',
    // Of one user for one application: never the object id.
    sub: 'bG9jYWwgdXNlciwgbG9jYWwgY2FjaGU',
    ...(version === 2 ? { preferred_username: name } : { unique_name: name, upn: name }),
  };
}
