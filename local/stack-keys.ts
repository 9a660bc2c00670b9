// Certificates and signing key of a local stack: JSON, so that several processes can have stacks with the same.

import { makeClientCertificate, makeServerCertificates, type ServerCertificates } from './certificates.ts';
import type { CertificateAndKey } from './pem.ts';
import { makeSigningKey, type SigningKey } from './token-issuer.ts';

export interface StackKeys {
  readonly certificates: ServerCertificates;
  /** What the application registration signs in with. */
  readonly client: CertificateAndKey;
  readonly signingKey: SigningKey;
}

/** @param cacheNames the host names in the cache's certificate. */
export async function makeStackKeys(cacheNames?: readonly string[]): Promise<StackKeys> {
  const [certificates, client, signingKey] = await Promise.all([
    makeServerCertificates(cacheNames),
    makeClientCertificate(),
    makeSigningKey(),
  ]);
  return { certificates, client, signingKey };
}
