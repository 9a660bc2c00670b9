// Tokens of callers as Entra issues them, signed with keys of the test's, and a tenant that publishes these.

import { exportJWK, generateKeyPair, SignJWT, type CryptoKey } from 'jose';
import type { Published, PublishedKey } from '../../src/http/callers/authority.ts';

export const tenantId = '7e4a0000-0000-4000-8000-000000000001';
export const audience = 'c11e0000-0000-4000-8000-0000000000aa';
export const callerId = '0b1ec700-0000-4000-8000-00000000000b';
const clientId = 'c11e0000-0000-4000-8000-0000000000cc';

export interface SigningKey {
  readonly privateKey: CryptoKey;
  readonly published: PublishedKey;
}

export async function makeKey(kid: string): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair('RS256', {
    modulusLength: 2048,
    extractable: true,
  });
  const { n = '', e = '' } = await exportJWK(publicKey);
  return { privateKey, published: { kty: 'RSA', kid, n, e } };
}

export const issuerOfVersion2 = `https://login.microsoftonline.com/${tenantId}/v2.0`;
export const issuerOfVersion1 = `https://sts.windows.net/${tenantId}/`;

export function publishedWith(...keys: readonly SigningKey[]): Published {
  return {
    tenantId,
    issuers: [issuerOfVersion2, issuerOfVersion1],
    keys: new Map(keys.map(({ published }) => [published.kid, published])),
  };
}

export type Claims = Readonly<Record<string, unknown>>;

export interface TokenOptions {
  readonly key: SigningKey;
  /** When it was issued; it lives an hour. */
  readonly nowMs: number;
  /** In the place of, or besides, those of a right token of version 2; undefined leaves one out. */
  readonly claims?: Claims;
  readonly header?: Claims;
}

export async function signToken({ key, nowMs, claims = {}, header = {} }: TokenOptions): Promise<string> {
  const nowSeconds = Math.floor(nowMs / 1000);
  const all = {
    aud: audience,
    iss: issuerOfVersion2,
    iat: nowSeconds,
    nbf: nowSeconds,
    exp: nowSeconds + 3600,
    oid: callerId,
    tid: tenantId,
    azp: clientId,
    roles: ['Cache.Read'],
    ver: '2.0',
    ...claims,
  };
  const given = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
  return new SignJWT(given)
    .setProtectedHeader({ typ: 'JWT', alg: 'RS256', kid: key.published.kid, ...header })
    .sign(key.privateKey);
}

/** A tenant whose answers the test decides; counts how often it was asked. */
export class ScriptedTenant {
  asked = 0;
  /** Rejects where it is an error; never answers, but for the signal, where it is undefined. */
  answer: Published | Error | undefined;

  constructor(answer: Published | Error | undefined) {
    this.answer = answer;
  }

  readonly read = async (signal: AbortSignal): Promise<Published> => {
    this.asked += 1;
    const { answer } = this;
    if (answer instanceof Error) throw answer;
    if (answer !== undefined) return answer;
    return new Promise((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    });
  };
}
