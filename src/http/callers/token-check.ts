// Whether a token is one of the tenant's for this app, and whose. Loads `jose`: imported when it is needed.

import { decodeProtectedHeader } from 'jose/decode/protected_header';
import { JOSEError, JWTClaimValidationFailed, JWTExpired } from 'jose/errors';
import { importJWK } from 'jose/key/import';
import { jwtVerify } from 'jose/jwt/verify';
import type { ClockReading } from '../../util/clock.ts';
import type { Published, PublishedKey } from './authority.ts';
import type { Identity } from './caller.ts';
import type { KeySet } from './key-set.ts';

export interface TokenCheckOptions {
  readonly keySet: Pick<KeySet, 'find'>;
  /** The token is for one of them. */
  readonly audiences: readonly string[];
  readonly clock: ClockReading;
}

export type TokenVerdict =
  | {
      readonly kind: 'verified';
      readonly identity: Identity;
      /** From then on it is not valid any more, by the clock on the wall. */
      readonly expiresAtMs: number;
      /** What it was verified by. */
      readonly published: Published;
    }
  /** `why` is printable ASCII without quotes, and holds nothing of the token. */
  | { readonly kind: 'invalid'; readonly why: string }
  | { readonly kind: 'unavailable'; readonly retryAfterSeconds: number };

/** Clocks differ. */
const skewSeconds = 60;
/** Entra signs access tokens with no other. What the token says of itself chooses nothing. */
const algorithm = 'RS256';

type Imported = Awaited<ReturnType<typeof importJWK>>;

export class TokenCheck {
  readonly #options: TokenCheckOptions;
  readonly #imported = new WeakMap<PublishedKey, Promise<Imported>>();

  constructor(options: TokenCheckOptions) {
    this.#options = options;
  }

  /** Never rejects but for a bug. */
  async verify(token: string, deadlineAtMs: number): Promise<TokenVerdict> {
    const { keySet, audiences, clock } = this.#options;
    const header = headerOf(token);
    if (header === undefined) return invalid('The token is malformed.');
    const { alg, kid } = header;
    if (alg !== algorithm) return invalid(`The token is not signed with ${algorithm}.`);
    if (typeof kid !== 'string') return invalid('The token does not say which key it is signed with.');
    const search = await keySet.find(kid, deadlineAtMs);
    if (search.kind === 'unavailable') return search;
    if (search.kind === 'unknown') return invalid('The tenant publishes no such key.');
    const { published } = search;
    const { tenantId, issuers } = published;
    try {
      const { payload } = await jwtVerify(token, await this.#imports(search.key), {
        algorithms: [algorithm],
        issuer: [...issuers],
        audience: [...audiences],
        clockTolerance: skewSeconds,
        currentDate: new Date(clock.wallMs()),
        requiredClaims: ['exp', 'oid', 'tid'],
      });
      const identity = identityIn(payload, tenantId);
      if (typeof identity === 'string') return invalid(identity);
      const expiresAtMs = ((payload.exp ?? 0) + skewSeconds) * 1000;
      return { kind: 'verified', identity, expiresAtMs, published };
    } catch (error) {
      if (error instanceof JOSEError) return invalid(faultOf(error));
      throw error;
    }
  }

  #imports(key: PublishedKey): Promise<Imported> {
    let importing = this.#imported.get(key);
    if (importing === undefined) {
      importing = importJWK({ ...key }, algorithm);
      this.#imported.set(key, importing);
    }
    return importing;
  }
}

function headerOf(token: string): { readonly alg?: unknown; readonly kid?: unknown } | undefined {
  try {
    return decodeProtectedHeader(token);
  } catch {
    return undefined;
  }
}

/** What is wrong, where it is no access token of one identity. */
function identityIn(payload: Readonly<Record<string, unknown>>, tenantId: string): Identity | string {
  const { tid, oid, roles = [], azp, appid } = payload;
  if (typeof tid !== 'string' || tid.toLowerCase() !== tenantId) return ofAnotherTenant;
  // Of version 2, and of version 1. An ID token, which may be for the same application, has neither.
  const clientId = azp ?? appid;
  if (typeof clientId !== 'string') return 'The token is no access token.';
  const isRoles = Array.isArray(roles) && roles.every((role) => typeof role === 'string');
  if (typeof oid !== 'string' || !isRoles) return 'The claims of the token are not those of Entra.';
  return { objectId: oid, clientId, roles };
}

const ofAnotherTenant = 'The token is of another tenant or authority.';

function faultOf(error: JOSEError): string {
  if (error instanceof JWTExpired) return 'The token has expired.';
  if (error instanceof JWTClaimValidationFailed) {
    if (error.reason === 'missing' || error.reason === 'invalid') return 'The token lacks a claim.';
    if (error.claim === 'nbf') return 'The token is not valid yet.';
    return error.claim === 'aud' ? 'The token is for another audience.' : ofAnotherTenant;
  }
  return error.code === 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED'
    ? 'The signature of the token is wrong.'
    : 'The token is malformed.';
}

function invalid(why: string): TokenVerdict {
  return { kind: 'invalid', why };
}
