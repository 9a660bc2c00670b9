// A TLS listener before redis that enforces what Azure enforces of Entra authentication.
// Used by the stack and by tests that make it misbehave. Knows no protocol of its own.
//
// Held to https://learn.microsoft.com/azure/redis/entra-for-authentication (TLS only, AUTH before expiry) and
// https://learn.microsoft.com/azure/redis/tls-configuration (TLS 1.2 and 1.3). Whether Azure closes at the very
// second a token expires is documented nowhere; this one does.

import { createServer as createTcpServer } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import type { ServerCertificates } from '../certificates.ts';
import { listenOnLoopback } from '../listening.ts';
import type { RedisServer } from '../redis-server.ts';
import type { TokenIssuer } from '../token-issuer.ts';
import { AccessPolicy } from './access.ts';
import { FrontConnection, type CloseReason, type ConnectionRecord } from './connection.ts';

export type { AuthRecord, CloseReason, ConnectionRecord } from './connection.ts';

export type FrontBehaviour =
  | 'normal'
  /** AUTH on a live connection is answered WRONGPASS whatever the token; handshakes work. */
  | 'refuse-auth'
  /** New connections are accepted and destroyed at once, before TLS. */
  | 'refuse'
  /** TLS works, and then nothing is passed on or answered; live connections go silent too. */
  | 'stall';

export interface FrontStats {
  /** TLS handshakes done. */
  readonly connectionsAccepted: number;
  readonly live: number;
  /** AUTH and HELLO ... AUTH that were good. */
  readonly auths: number;
  readonly authsRejected: number;
  /** Connections destroyed by `refuse`. */
  readonly refused: number;
}

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

const keptClosed = 1000;

export async function startEntraFront({
  certificates,
  issuer,
  redis,
}: EntraFrontOptions): Promise<EntraFront> {
  const access = new AccessPolicy(issuer, redis);
  const live = new Set<FrontConnection>();
  const records: ConnectionRecord[] = [];
  let behaviour: FrontBehaviour = 'normal';
  let lastId = 0;
  let [auths, authsRejected, refused] = [0, 0, 0];

  const forgetOldest = (): void => {
    if (records.length - live.size <= keptClosed) return;
    const oldest = records.findIndex((record) => record.closedAtMs !== undefined);
    if (oldest !== -1) records.splice(oldest, 1);
  };

  const tlsServer = createTlsServer(
    { cert: certificates.server.certificatePem, key: certificates.server.keyPem, minVersion: 'TLSv1.2' },
    (client) => {
      const connection: FrontConnection = new FrontConnection(client, {
        id: ++lastId,
        redisPort: redis.port,
        check: async ({ command, username, token }) =>
          command === 'AUTH' && behaviour === 'refuse-auth'
            ? { accepted: false }
            : access.check(username, token),
        onAuth: (accepted) => void (accepted ? auths++ : authsRejected++),
        onClosed: () => {
          live.delete(connection);
          forgetOldest();
        },
      });
      live.add(connection);
      records.push(connection.record);
      connection.start(behaviour === 'stall');
    },
  );
  tlsServer.on('tlsClientError', () => {}); // The client gave up or does not trust us; its socket is closed.

  const listening = await listenOnLoopback(
    createTcpServer({ noDelay: true }, (socket) => {
      if (behaviour === 'refuse') {
        refused += 1;
        socket.destroy();
        return;
      }
      // https://nodejs.org/api/tls.html#event-connection
      tlsServer.emit('connection', socket);
    }),
  );

  const destroyAll = (because: CloseReason): void => {
    for (const connection of live) connection.destroy(because);
  };

  return {
    hostname: 'localhost',
    port: listening.port,
    caPem: certificates.caPem,
    get stats() {
      return { connectionsAccepted: lastId, live: live.size, auths, authsRejected, refused };
    },
    connections: records,
    assign: (objectId, alias) => access.assign(objectId, alias),
    unassign: (objectId) => access.unassign(objectId),
    revoke: (token) => access.revoke(token),
    cutAll: () => destroyAll('cut'),
    setBehaviour(next) {
      const changes = (next === 'stall') !== (behaviour === 'stall');
      behaviour = next;
      if (changes) for (const connection of live) connection.setStalled(next === 'stall');
    },
    async stop() {
      destroyAll('stopped');
      access.stop();
      await listening.close();
    },
  };
}
