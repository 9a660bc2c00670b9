// Azure in a box with Garnet in the place of Redis and the Entra front: it checks the tokens by its own rules.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writePem } from '../pem.ts';
import { startIdentityEndpoint, type IdentityEndpoint } from '../identity-endpoint.ts';
import { makeStackKeys } from '../stack-keys.ts';
import { startTokenAuthority } from '../token-authority.ts';
import {
  createTokenIssuer,
  servicePrincipal,
  systemAssigned,
  userAssigned,
  type TokenIssuer,
} from '../token-issuer.ts';
import { startGarnet, type GarnetServer } from './server.ts';

export interface GarnetStack {
  /** The environment of an app with the system-assigned identity, the only one that may enter. */
  readonly settings: Readonly<Record<string, string>>;
  readonly issuer: TokenIssuer;
  readonly identity: IdentityEndpoint;
  /** As in a stack with Redis. */
  readonly redis: GarnetServer;
  stop(): Promise<void>;
}

/** @throws Error that says what to install where .NET is missing. */
export async function startGarnetStack(tokenLifetimeMs: number): Promise<GarnetStack> {
  await using parts = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), 'redis-entra-local-'));
  parts.defer(async () => rm(directory, { recursive: true, force: true }));
  const { certificates, client, signingKey } = await makeStackKeys();
  const issuer = await createTokenIssuer(signingKey);
  const caPath = await writePem(directory, 'ca.pem', certificates.caPem);
  const identity = await startIdentityEndpoint({
    issuer,
    tokenLifetimeMs,
    systemAssigned,
    userAssigned: [userAssigned],
  });
  parts.defer(async () => identity.stop());
  const authority = await startTokenAuthority({
    issuer,
    tokenLifetimeMs,
    server: certificates.server,
    application: servicePrincipal,
    applicationCertificatePem: client.certificatePem,
  });
  parts.defer(async () => authority.stop());
  const redis = await startGarnet({
    certificate: certificates.cache,
    ca: { pem: certificates.caPem, path: caPath },
    authorityUrl: authority.url,
    issuer,
    identities: [systemAssigned],
  });
  parts.defer(async () => redis.stop());
  const started = parts.move();
  return {
    settings: {
      REDIS_HOSTNAME: 'localhost',
      REDIS_PORT: `${redis.port}`,
      NODE_EXTRA_CA_CERTS: caPath,
      IDENTITY_ENDPOINT: identity.url,
      IDENTITY_HEADER: identity.header,
    },
    issuer,
    identity,
    redis,
    stop: async () => started.disposeAsync(),
  };
}
