// Issues and checks access tokens of the kind Entra issues, signed with a key made at start, or a later one.
// Used by the identity endpoint, the token authority, the Entra front and tests. Knows no protocol.

import { randomBytes } from 'node:crypto';
import {
  createLocalJWKSet,
  exportJWK,
  generateKeyPair,
  jwtVerify,
  SignJWT,
  type JWK,
  type JWTPayload,
} from 'jose';

/** Who a token speaks for: the client (application) id and the object id of its service principal. */
export interface Identity {
  readonly clientId: string;
  readonly objectId: string;
}

export const localTenantId = '10ca1000-0000-4000-8000-000000000001';

/** The Function App's own identity. */
export const systemAssigned: Identity = {
  clientId: '10ca1000-0000-4000-8000-0000000000a1',
  objectId: '10ca1000-0000-4000-8000-0000000000b1',
};
/** A user-assigned identity: chosen by its client id. */
export const userAssigned: Identity = {
  clientId: '10ca1000-0000-4000-8000-0000000000a2',
  objectId: '10ca1000-0000-4000-8000-0000000000b2',
};
/** An application registration that signs in with a secret or a certificate. */
export const servicePrincipal: Identity = {
  clientId: '10ca1000-0000-4000-8000-0000000000a3',
  objectId: '10ca1000-0000-4000-8000-0000000000b3',
};

export const redisAudience = 'https://redis.azure.com';
export const storageAudience = 'https://storage.azure.com';
/**
 * What the front accepts: both scopes of https://learn.microsoft.com/azure/redis/entra-for-authentication
 * name the same first-party application, by URI and by its id.
 */
export const redisAudiences: readonly string[] = [redisAudience, 'acca5fbb-b7e4-4009-81f1-37e38fd66d78'];

export interface IssueOptions {
  readonly audience: string;
  readonly identity: Identity;
  readonly lifetimeMs: number;
  /** Now, unless a token from the past is wanted. */
  readonly issuedAtMs?: number;
}

export interface IssuedToken {
  readonly token: string;
  readonly audience: string;
  readonly identity: Identity;
  readonly issuedAtMs: number;
  /** Exactly the `exp` claim: a whole second. */
  readonly expiresAtMs: number;
}

export interface VerifiedToken {
  readonly objectId: string;
  readonly clientId: string;
  readonly audience: string;
  /** Exactly the `iat` claim: a whole second. */
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
}

export interface RollOver {
  /** Signs with the key before this one again. */
  undo(): void;
  /** Publishes the key before this one no more. */
  withdraw(): void;
}

export interface TokenIssuer {
  issue(options: IssueOptions): Promise<IssuedToken>;
  /** A token of any claims. @param header of the signature, in the place of what `issue` sets. */
  sign(claims: JWTPayload, header?: Readonly<Record<string, unknown>>): Promise<string>;
  /** Throws for a wrong signature, issuer or audience, and from the `exp` second on. */
  verify(token: string, options: { readonly audience: string | readonly string[] }): Promise<VerifiedToken>;
  /** The public keys, as the authority publishes them. */
  readonly keys: { readonly keys: readonly JWK[] };
  /**
   * Signs with a new key from now on, which is published beside those before it. Entra rolls its keys over at any
   * time (https://learn.microsoft.com/entra/identity-platform/signing-key-rollover), and who has read them before
   * that does not know the new one.
   */
  rollOver(): Promise<RollOver>;
  /** The last 1,000 tokens, for tests that look for them where they must not be. */
  readonly issued: readonly string[];
}

// Claims of a v1.0 token: https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference .
// Azurite demands this very issuer prefix (azurite/src/common/utils/constants.ts, VALID_ISSUE_PREFIXES).
export const issuerUrl = `https://sts.windows.net/${localTenantId}/`;

const keptTokens = 1000;
// Entra dates `nbf` five minutes back: clocks differ, and a server may read its own only once a second.
export const notBeforeSeconds = 300;

/** As JSON. */
export interface SigningKey {
  readonly kid: string;
  readonly private: JWK;
  readonly published: JWK;
}

export async function makeSigningKey(): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair('RS256', {
    modulusLength: 2048,
    extractable: true,
  });
  const kid = randomBytes(20).toString('base64url');
  // Entra names no `alg`: https://login.microsoftonline.com/common/discovery/v2.0/keys
  const published = { ...(await exportJWK(publicKey)), use: 'sig', kid, x5t: kid };
  return { kid, private: await exportJWK(privateKey), published };
}

/** @param firstKey made anew unless it is given. */
export async function createTokenIssuer(firstKey?: SigningKey): Promise<TokenIssuer> {
  let signing = firstKey ?? (await makeSigningKey());
  const published = [signing.published];
  let publicKeys = createLocalJWKSet({ keys: published });

  const issued: string[] = [];
  const sign: TokenIssuer['sign'] = async (claims, header = {}) => {
    const { kid } = signing;
    const token = await new SignJWT(claims)
      .setProtectedHeader({ typ: 'JWT', alg: 'RS256', kid, x5t: kid, ...header })
      .sign(signing.private);
    issued.push(token);
    if (issued.length > keptTokens) issued.shift();
    return token;
  };
  return {
    keys: { keys: published },
    issued,
    sign,

    async rollOver() {
      const before = signing;
      signing = await makeSigningKey();
      published.push(signing.published);
      publicKeys = createLocalJWKSet({ keys: published });
      return {
        undo() {
          signing = before;
        },
        withdraw() {
          published.splice(published.indexOf(before.published), 1);
          publicKeys = createLocalJWKSet({ keys: published });
        },
      };
    },

    /**
     * `exp` is in whole seconds and is rounded down: a token lives longer than `lifetimeMs` - 1 s and never
     * longer than `lifetimeMs`. Lifetimes under 2 s make little sense.
     */
    async issue({ audience, identity, lifetimeMs, issuedAtMs = Date.now() }) {
      const issuedAt = Math.floor(issuedAtMs / 1000);
      const expiresAt = Math.floor((issuedAtMs + lifetimeMs) / 1000);
      const token = await sign({
        aud: audience,
        iss: issuerUrl,
        iat: issuedAt,
        nbf: issuedAt - notBeforeSeconds,
        exp: expiresAt,
        idp: issuerUrl,
        idtyp: 'app',
        oid: identity.objectId,
        appid: identity.clientId,
        appidacr: '2',
        sub: identity.objectId,
        tid: localTenantId,
        uti: randomBytes(16).toString('base64url'),
        ver: '1.0',
      });
      return { token, audience, identity, issuedAtMs, expiresAtMs: expiresAt * 1000 };
    },

    async verify(token, { audience }) {
      const { payload } = await jwtVerify(token, publicKeys, {
        algorithms: ['RS256'],
        issuer: issuerUrl,
        audience: typeof audience === 'string' ? audience : [...audience],
        requiredClaims: ['exp', 'iat', 'oid', 'appid'],
      });
      const { aud, exp, iat, oid, appid } = payload;
      if (
        typeof oid !== 'string' ||
        typeof appid !== 'string' ||
        typeof aud !== 'string' ||
        exp === undefined ||
        iat === undefined
      ) {
        throw new Error('The token lacks a claim that Entra always sets.');
      }
      return {
        objectId: oid,
        clientId: appid,
        audience: aud,
        issuedAtMs: iat * 1000,
        expiresAtMs: exp * 1000,
      };
    },
  };
}
