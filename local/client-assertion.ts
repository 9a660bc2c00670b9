// Checks the assertion a client signs with its certificate instead of sending a secret.
// Used by the token authority.
//
// Held to https://learn.microsoft.com/entra/identity-platform/certificate-credentials

import { createHash, X509Certificate } from 'node:crypto';
import { jwtVerify } from 'jose';

const maxLifetimeSeconds = 24 * 3600;
const allowedSkewSeconds = 300;

export interface ExpectedAssertion {
  readonly certificatePem: string;
  readonly clientId: string;
  /** The assertion's audience. */
  readonly tokenUrl: string;
}

/** What is wrong with it, or undefined. */
export async function assertionFault(
  assertion: string,
  { certificatePem, clientId, tokenUrl }: ExpectedAssertion,
): Promise<string | undefined> {
  const certificate = new X509Certificate(certificatePem);
  const thumbprints = new Set([
    createHash('sha256').update(certificate.raw).digest('base64url'),
    createHash('sha1').update(certificate.raw).digest('base64url'),
  ]);
  try {
    const { protectedHeader, payload } = await jwtVerify(assertion, certificate.publicKey, {
      algorithms: ['PS256', 'RS256'],
      audience: tokenUrl,
      issuer: clientId,
      subject: clientId,
      requiredClaims: ['exp', 'jti'],
      // MSAL rounds `nbf` to the nearest second, so it may lie half a second ahead; Entra allows for skewed clocks.
      clockTolerance: allowedSkewSeconds,
    });
    const thumbprint = protectedHeader['x5t#S256'] ?? protectedHeader.x5t;
    if (typeof thumbprint !== 'string' || !thumbprints.has(thumbprint)) {
      return 'The certificate with the identifier used to sign the assertion is not registered.';
    }
    if ((payload.exp ?? 0) > Date.now() / 1000 + maxLifetimeSeconds) return 'The assertion lives too long.';
    return undefined;
  } catch (error) {
    return `The assertion is not valid: ${error instanceof Error ? error.message : String(error)}.`;
  }
}
