// Throw-away certificates for the local parts: a CA, a server certificate under it, a client certificate.
// Made by the stack at every start. Knows nothing of who listens with them.

// oxlint-disable-next-line import/no-unassigned-import -- it patches Reflect, there is nothing to assign.
import 'reflect-metadata'; // Must be loaded before @peculiar/x509: https://github.com/PeculiarVentures/x509#installation

import { randomBytes, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
  type X509Certificate,
} from '@peculiar/x509';
import type { CertificateAndKey } from './pem.ts';

export interface ServerCertificates {
  /** What clients must trust, e.g. by NODE_EXTRA_CA_CERTS. Its key is gone as soon as this exists. */
  readonly caPem: string;
  /** For `localhost` and 127.0.0.1. */
  readonly server: CertificateAndKey;
  /** The cache's: for its host name and no IP address, as on Azure. */
  readonly cache: CertificateAndKey;
}

const ecAlgorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const rsaAlgorithm = {
  name: 'RSASSA-PKCS1-v1_5',
  hash: 'SHA-256',
  modulusLength: 2048,
  publicExponent: new Uint8Array([1, 0, 1]),
} as const;

const hourMs = 3_600_000;
const validForMs = 7 * 24 * hourMs;

/** One hour in the past, for clocks of containers and their hosts differ. */
function validity(): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(Date.now() - hourMs), notAfter: new Date(Date.now() + validForMs) };
}

// Positive and at most 20 octets: RFC 5280, section 4.1.2.2.
const serialNumber = (): string => `4${randomBytes(15).toString('hex').slice(1)}`;

async function keyPem(key: webcrypto.CryptoKey): Promise<string> {
  return PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY');
}

/** A CA, and server certificates under it; the cache's is for the host names `cacheNames`. */
export async function makeServerCertificates(
  cacheNames: readonly string[] = ['localhost'],
): Promise<ServerCertificates> {
  const keys = await webcrypto.subtle.generateKey(ecAlgorithm, true, ['sign', 'verify']);
  const identifier = await SubjectKeyIdentifierExtension.create(keys.publicKey);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    ...validity(),
    serialNumber: serialNumber(),
    name: `CN=redis-entra-functions local CA ${randomBytes(4).toString('hex')}`,
    signingAlgorithm: ecAlgorithm,
    keys,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      identifier,
    ],
  });
  const ca = { certificate, keys, identifier };
  const [server, cache] = await Promise.all([
    makeServerCertificate(ca, ['localhost', '127.0.0.1']),
    makeServerCertificate(ca, cacheNames),
  ]);
  return { caPem: certificate.toString('pem'), server, cache };
}

interface CertificateAuthority {
  readonly certificate: X509Certificate;
  readonly keys: webcrypto.CryptoKeyPair;
  readonly identifier: SubjectKeyIdentifierExtension;
}

/** `names`: host names and IP addresses. */
async function makeServerCertificate(
  ca: CertificateAuthority,
  names: readonly string[],
): Promise<CertificateAndKey> {
  const keys = await webcrypto.subtle.generateKey(ecAlgorithm, true, ['sign', 'verify']);
  const server = await X509CertificateGenerator.create({
    ...validity(),
    serialNumber: serialNumber(),
    subject: `CN=${names[0] ?? 'localhost'}`,
    issuer: ca.certificate.subject,
    signingAlgorithm: ecAlgorithm,
    publicKey: keys.publicKey,
    signingKey: ca.keys.privateKey,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      new SubjectAlternativeNameExtension(
        names.map((name) => ({ type: isIP(name) === 0 ? 'dns' : 'ip', value: name }) as const),
      ),
      new AuthorityKeyIdentifierExtension(ca.identifier.keyId),
    ],
  });
  return { certificatePem: server.toString('pem'), keyPem: await keyPem(keys.privateKey) };
}

/**
 * A self-signed certificate that an application registration can sign in with. RSA, because
 * `ClientCertificateCredential` signs its assertion with PS256 or RS256 only:
 * https://learn.microsoft.com/entra/identity-platform/certificate-credentials
 */
export async function makeClientCertificate(): Promise<CertificateAndKey> {
  const keys = await webcrypto.subtle.generateKey(rsaAlgorithm, true, ['sign', 'verify']);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    ...validity(),
    serialNumber: serialNumber(),
    name: 'CN=redis-entra-functions local client',
    signingAlgorithm: rsaAlgorithm,
    keys,
    extensions: [new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true)],
  });
  return { certificatePem: certificate.toString('pem'), keyPem: await keyPem(keys.privateKey) };
}
