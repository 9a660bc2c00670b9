// A TLS listener before redis that enforces what Azure enforces of Entra authentication.
// Used by the stack and by tests that make it misbehave. Knows no protocol of its own.
//
// Held to https://learn.microsoft.com/azure/redis/entra-for-authentication (TLS only, AUTH before expiry) and
// https://learn.microsoft.com/azure/redis/tls-configuration (TLS 1.2 and 1.3). Whether Azure closes at the very
// second a token expires is documented nowhere; this one does.

import type { ServerCertificates } from '../certificates.ts';
import type { RedisServer } from '../redis-server.ts';
import type { TokenIssuer } from '../token-issuer.ts';
import { AccessPolicy } from './access.ts';
import type { ConnectionRecord } from './connection.ts';
import { ConnectionLog, startFrontListener, type FrontBehaviour, type FrontStats } from './listener.ts';

export type { AuthRecord, CloseReason, ConnectionRecord } from './connection.ts';
export type { FrontBehaviour, FrontStats } from './listener.ts';

export interface EntraFront {
  readonly hostname: 'localhost';
  readonly port: number;
  readonly caPem: string;
  readonly stats: FrontStats;
  /** The last 1,000 closed ones and all live ones, in order of acceptance. */
  readonly connections: readonly ConnectionRecord[];
  /** Gives an identity access, as an access policy assignment does. */
  assign(objectId: string, alias?: string): void;
  /** Its next AUTH fails; live connections stay. */
  unassign(objectId: string): Promise<void>;
  /** This token is accepted no more; live connections stay. */
  revoke(token: string): Promise<void>;
  /**
   * Tokens issued from then on are not accepted, as by a server that has not learnt of a new signing key; live
   * connections stay. Infinity: all are accepted again.
   */
  refuseTokensFrom(issuedAtMs: number): void;
  /** Destroys all client connections. */
  cutAll(): void;
  setBehaviour(behaviour: FrontBehaviour): void;
  stop(): Promise<void>;
}

export interface EntraFrontOptions {
  readonly certificates: ServerCertificates;
  readonly issuer: TokenIssuer;
  readonly redis: RedisServer;
}

export async function startEntraFront({
  certificates,
  issuer,
  redis,
}: EntraFrontOptions): Promise<EntraFront> {
  const access = new AccessPolicy(issuer, redis);
  const log = new ConnectionLog();
  const listener = await startFrontListener({
    certificate: certificates.cache,
    log,
    destination: () => ({ redisPort: redis.port, access }),
  });
  return {
    hostname: 'localhost',
    port: listener.port,
    caPem: certificates.caPem,
    get stats() {
      return listener.stats;
    },
    connections: log.records,
    assign: (objectId, alias) => access.assign(objectId, alias),
    unassign: (objectId) => access.unassign(objectId),
    revoke: (token) => access.revoke(token),
    refuseTokensFrom: (issuedAtMs) => access.refuseTokensFrom(issuedAtMs),
    cutAll: () => listener.destroyAll('cut'),
    setBehaviour: (behaviour) => listener.setBehaviour(behaviour),
    async stop() {
      access.stop();
      await listener.stop();
    },
  };
}
