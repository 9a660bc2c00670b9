// Certificates and keys as PEM files, the form that servers and credentials read.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A certificate and its private key (PKCS #8), both PEM. */
export interface CertificateAndKey {
  readonly certificatePem: string;
  readonly keyPem: string;
}

/** Key and certificate in one text, the form `ClientCertificateCredential` reads. */
export function joinPem(pair: CertificateAndKey): string {
  return `${pair.keyPem.trimEnd()}\n${pair.certificatePem.trimEnd()}\n`;
}

/** Writes `pem` where only this user can read it and returns its path. */
export async function writePem(directory: string, fileName: string, pem: string): Promise<string> {
  const path = join(directory, fileName);
  await writeFile(path, pem.endsWith('\n') ? pem : `${pem}\n`, { mode: 0o600 });
  return path;
}
