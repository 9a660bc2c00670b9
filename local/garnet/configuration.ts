// What Garnet is started with: whom it believes, who may enter, and what makes it answer as Redis does.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writePem, type CertificateAndKey } from '../pem.ts';
import { loopback } from '../listening.ts';
import { issuerUrl, redisAudiences, type Identity } from '../token-issuer.ts';

export interface GarnetRules {
  readonly certificate: CertificateAndKey;
  /** Where it reads `/common/.well-known/openid-configuration`: when it starts, and once a day. */
  readonly authorityUrl: string;
  readonly identities: readonly Identity[];
}

/** Writes the files into `directory` and returns the parameters, all but the port. */
export async function prepareGarnet(directory: string, rules: GarnetRules): Promise<readonly string[]> {
  const { certificatePem, keyPem } = rules.certificate;
  const options = {
    bind: loopback,
    'client-certificate-required': 'false',
    'cert-file-name': await writePem(directory, 'server.pem', certificatePem),
    // Of a certificate in PEM this names the key's file.
    'cert-password': await writePem(directory, 'server.key', keyPem),
    auth: 'AclWithAad',
    'acl-file': await writeUsers(directory, rules.identities),
    'aad-authority': rules.authorityUrl,
    'aad-issuers': issuerUrl,
    'aad-audiences': redisAudiences.join(','),
    'aad-validate-acl-username': 'true',
    // Required, and not looked at where user names are validated.
    'aad-authorized-app-ids': rules.identities.map(({ clientId }) => clientId).join(','),
    // Otherwise, of GETs that come together, one of a key of another type is answered as if there were none.
    'sg-get': 'false',
    // The default for the log is 16 GiB.
    memory: '256m',
    index: '16m',
  };
  const flags = ['--tls', '--lua', '--commandstats-monitor'];
  return [...flags, ...Object.entries(options).flatMap(([name, value]) => [`--${name}`, value])];
}

/** A user for each object id; Garnet knows no channel permissions (`&*`). */
async function writeUsers(directory: string, identities: readonly Identity[]): Promise<string> {
  const path = join(directory, 'users.acl');
  const users = identities.map(({ objectId }) => `user ${objectId} on ~* +@all`);
  await writeFile(path, ['user default off resetpass', ...users, ''].join('\n'), { mode: 0o600 });
  return path;
}
