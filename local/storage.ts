// Blob storage that is entered by token only: Azurite over HTTPS as a child process.
// Used by the stack, and by demos and tests to fill containers. Knows nothing of Redis.
//
// Held to https://learn.microsoft.com/azure/storage/blobs/authorize-access-azure-active-directory ; what Azurite
// checks of a token (claims, not its signature): https://github.com/Azure/Azurite#oauth

import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { buffer } from 'node:stream/consumers';
import { deferred } from '../src/util/deferred.ts';
import type { ServerCertificates } from './certificates.ts';
import { joinPem, writePem } from './pem.ts';
import { startChild } from './child.ts';
import { loopback } from './listening.ts';
import { storageAudience, type Identity, type TokenIssuer } from './token-issuer.ts';

const accountName = 'localaccount';
const apiVersion = '2025-05-05';
const ownTokenLifetimeMs = 60_000;

export interface StorageOptions {
  readonly certificates: ServerCertificates;
  readonly issuer: TokenIssuer;
  /** Who creates containers and blobs here. */
  readonly identity: Identity;
  /** Private; Azurite keeps its data in memory, but reads the certificate from a file. */
  readonly directory: string;
}

export interface BlobResponse {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

export interface LocalStorage {
  readonly port: number;
  /** `https://127.0.0.1:<port>/<account>`, no slash at the end. */
  readonly blobUrl: string;
  createContainer(container: string): Promise<void>;
  putBlob(
    container: string,
    name: string,
    body: string | Buffer,
    contentType?: string,
    cacheControl?: string,
  ): Promise<void>;
  /** Any request with a valid token; `path` starts with a slash and follows the account. */
  request(
    method: string,
    path: string,
    headers?: Record<string, string>,
    body?: Buffer,
  ): Promise<BlobResponse>;
  stop(): Promise<void>;
}

/** @throws Error that says what to install. */
function findAzurite(): string {
  try {
    return createRequire(import.meta.url).resolve('azurite/dist/src/blob/main.js');
  } catch (error) {
    throw new Error('Blob storage needs Azurite: `npm install --save-dev azurite`.', { cause: error });
  }
}

export async function startStorage(options: StorageOptions): Promise<LocalStorage> {
  const { certificates, issuer, identity, directory } = options;
  const pemPath = await writePem(directory, 'storage.pem', joinPem(certificates.server));
  const main = findAzurite();
  // Port 0: Azurite takes a free one and says which, so there is no race for it.
  const where = ['--blobHost', loopback, '--blobPort', '0', '--cert', pemPath, '--key', pemPath];
  const how = ['--oauth', 'basic', '--skipApiVersionCheck', '--disableTelemetry', '--inMemoryPersistence'];
  const child = await startChild(process.execPath, [main, ...where, ...how, '--silent'], {
    name: 'Azurite',
    // Just after it has said that it listens, Azurite makes this folder again where it is gone. It writes nothing there.
    cwd: tmpdir(),
    // Azurite cannot switch shared keys off. A random one that nobody is told, instead of the well-known
    // one, comes to the same: https://github.com/Azure/Azurite#customized-storage-accounts--keys
    env: { ...process.env, AZURITE_ACCOUNTS: `${accountName}:${randomBytes(64).toString('base64')}` },
  });
  let port: number;
  try {
    const line = await child.line(/successfully listens on/u);
    port = Number(/:(\d+)\s*$/u.exec(line)?.[1]);
    if (!Number.isInteger(port)) throw new Error(`Azurite does not say where it listens: ${line}`);
  } catch (error) {
    await child.kill();
    throw error;
  }

  const send = async (
    method: string,
    path: string,
    headers: Record<string, string> = {},
    body: Buffer = Buffer.alloc(0),
  ): Promise<BlobResponse> => {
    const { token } = await issuer.issue({
      audience: storageAudience,
      identity,
      lifetimeMs: ownTokenLifetimeMs,
    });
    const { promise, resolve, reject } = deferred<IncomingMessage>();
    const outgoing = request({
      host: loopback,
      port,
      method,
      path: `/${accountName}${path}`,
      ca: certificates.caPem,
      headers: {
        Authorization: `Bearer ${token}`,
        'x-ms-version': apiVersion,
        'Content-Length': body.length,
        ...headers,
      },
    });
    outgoing.on('response', resolve);
    outgoing.on('error', reject);
    outgoing.end(body);
    const response = await promise;
    return { status: response.statusCode ?? 0, headers: response.headers, body: await buffer(response) };
  };

  const demand = async (method: string, path: string, headers?: Record<string, string>, body?: Buffer) => {
    const { status, body: answer } = await send(method, path, headers, body);
    if (status >= 300)
      throw new Error(`Azurite answered ${method} ${path} with ${status}: ${answer.toString()}`);
  };

  return {
    port,
    blobUrl: `https://${loopback}:${port}/${accountName}`,
    createContainer: (container) => demand('PUT', `/${container}?restype=container`),
    putBlob: (container, name, body, contentType = 'application/octet-stream', cacheControl) =>
      demand(
        'PUT',
        `/${container}/${name.split('/').map(encodeURIComponent).join('/')}`,
        {
          'x-ms-blob-type': 'BlockBlob',
          'Content-Type': contentType,
          ...(cacheControl === undefined ? {} : { 'x-ms-blob-cache-control': cacheControl }),
        },
        Buffer.from(body),
      ),
    request: send,
    async stop() {
      await child.stop();
    },
  };
}
