// A real Garnet on loopback that checks Entra tokens itself: signature, issuer, audience, life and object id.
//
// Held to https://microsoft.github.io/garnet/docs/security#microsoft-entra-authentication

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writePem, type CertificateAndKey } from '../certificates.ts';
import { startChild, type Child } from '../child.ts';
import { freeLoopbackPorts, loopback } from '../listening.ts';
import type { Identity } from '../token-issuer.ts';
import { findGarnet } from './program.ts';

export interface GarnetOptions {
  readonly certificate: CertificateAndKey;
  /** What Garnet trusts when it asks the authority: a PEM file. */
  readonly caPath: string;
  /** Where `/common/.well-known/openid-configuration` is, read at the start and once a day. */
  readonly authorityUrl: string;
  readonly issuer: string;
  readonly audiences: readonly string[];
  /** Who may enter: the object id of each is a user of the access control list. */
  readonly identities: readonly Identity[];
}

export interface GarnetServer {
  readonly port: number;
  /** Ends it and begins anew on the same port: empty, and with the keys that the authority publishes now. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

const startAttempts = 5;

/** @throws Error that says what to install where .NET is missing. */
export async function startGarnet(options: GarnetOptions): Promise<GarnetServer> {
  const [command, ...parameters] = await findGarnet();
  const directory = await mkdtemp(join(tmpdir(), 'redis-entra-garnet-'));
  const start = async (port: number): Promise<Child> => {
    const child = await startChild(command, [...parameters, ...(await garnetParameters(directory, port, options))], {
      name: 'Garnet',
      cwd: directory,
      removeIfOrphaned: directory,
      env: {
        ...process.env,
        // .NET takes its trusted roots from there, on Linux: https://learn.microsoft.com/dotnet/standard/security/cross-platform-cryptography#x509store
        SSL_CERT_FILE: options.caPath,
        SSL_CERT_DIR: '/nonexistent',
        // Works without ICU, and takes no core for each heap.
        DOTNET_SYSTEM_GLOBALIZATION_INVARIANT: '1',
        DOTNET_gcServer: '0',
      },
    });
    try {
      await child.line(/Ready to accept connections/u);
      return child;
    } catch (error) {
      await child.kill();
      throw error;
    }
  };
  try {
    let { child, port } = await onFreePort(start);
    return {
      port,
      async restart() {
        await child.kill();
        child = await start(port);
      },
      async stop() {
        await child.stop();
        await rm(directory, { recursive: true, force: true });
      },
    };
  } catch (error) {
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
}

async function onFreePort(start: (port: number) => Promise<Child>): Promise<{ child: Child; port: number }> {
  for (let attempt = 1; ; attempt += 1) {
    const [port = 0] = await freeLoopbackPorts(1);
    try {
      return { child: await start(port), port };
    } catch (error) {
      // Somebody took the port between our look and Garnet's bind.
      if (attempt === startAttempts || !String(error).includes('Address already in use')) throw error;
    }
  }
}

async function garnetParameters(directory: string, port: number, options: GarnetOptions): Promise<string[]> {
  await mkdir(directory, { recursive: true });
  const users = options.identities.map(({ objectId }) => `user ${objectId} on ~* +@all`);
  const aclPath = join(directory, 'users.acl');
  await writeFile(aclPath, ['user default off resetpass', ...users, ''].join('\n'), { mode: 0o600 });
  return [
    ...['--bind', loopback, '--port', `${port}`],
    ...['--tls', '--client-certificate-required', 'false'],
    ...['--cert-file-name', await writePem(directory, 'server.pem', options.certificate.certificatePem)],
    ...['--cert-password', await writePem(directory, 'server.key', options.certificate.keyPem)],
    ...['--auth', 'AclWithAad', '--acl-file', aclPath, '--aad-validate-acl-username', 'true'],
    ...['--aad-authority', options.authorityUrl],
    ...['--aad-issuers', options.issuer],
    ...['--aad-audiences', options.audiences.join(',')],
    ...['--aad-authorized-app-ids', options.identities.map(({ clientId }) => clientId).join(',')],
    '--lua',
    // The default sets 16 GiB aside.
    ...['--memory', '256m', '--index', '16m'],
  ];
}
