// One TLS port before Redis, its connections, and the ways in which it can be told to misbehave.
// Used by the fronts of a server and of a cluster. Knows no protocol of its own.

import { createServer as createTcpServer, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import type { CertificateAndKey } from '../pem.ts';
import { listenOnLoopback, type Listening } from '../listening.ts';
import type { AccessPolicy } from './access.ts';
import type { AnnouncedPorts } from './addresses.ts';
import { FrontConnection, type CloseReason, type ConnectionRecord } from './connection.ts';

export type FrontBehaviour =
  | 'normal'
  /** AUTH on a live connection is answered WRONGPASS whatever the token; handshakes work. */
  | 'refuse-auth'
  /** New connections are accepted and destroyed at once, before TLS; those on their way through it, after it. */
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

/** Where a connection leads. */
export interface Destination {
  readonly redisPort: number;
  readonly access: AccessPolicy;
  /** In a cluster. */
  readonly node?: number;
  readonly announcedPorts?: AnnouncedPorts;
}

const keptClosed = 1000;

/** Records of the connections of one or more listeners: the last 1,000 closed and all live ones. */
export class ConnectionLog {
  readonly records: ConnectionRecord[] = [];
  #lastId = 0;
  #live = 0;

  nextId(): number {
    return ++this.#lastId;
  }

  add(record: ConnectionRecord): void {
    this.records.push(record);
    this.#live += 1;
  }

  closed(): void {
    this.#live -= 1;
    if (this.records.length - this.#live <= keptClosed) return;
    const oldest = this.records.findIndex((record) => record.closedAtMs !== undefined);
    if (oldest !== -1) this.records.splice(oldest, 1);
  }
}

export interface ListenerOptions {
  readonly certificate: CertificateAndKey;
  readonly log: ConnectionLog;
  /** Asked for every connection. */
  readonly destination: () => Destination;
}

export async function startFrontListener(options: ListenerOptions): Promise<FrontListener> {
  const listener = new FrontListener(options);
  await listener.listen();
  return listener;
}

export class FrontListener {
  readonly #options: ListenerOptions;
  readonly #live = new Set<FrontConnection>();
  readonly #tlsServer;
  #listening: Listening | undefined;
  #behaviour: FrontBehaviour = 'normal';
  #counts = { connectionsAccepted: 0, auths: 0, authsRejected: 0, refused: 0 };

  constructor(options: ListenerOptions) {
    this.#options = options;
    const { certificatePem: cert, keyPem: key } = options.certificate;
    this.#tlsServer = createTlsServer({ cert, key, minVersion: 'TLSv1.2' }, (client) => this.#accept(client));
    // The client gave up or does not trust us; its socket is closed.
    this.#tlsServer.on('tlsClientError', () => {});
  }

  get port(): number {
    if (this.#listening === undefined) throw new Error('It does not listen.');
    return this.#listening.port;
  }

  get stats(): FrontStats {
    return { ...this.#counts, live: this.#live.size };
  }

  /** Listens on a free port, a new one each time; the one before is closed, its connections with it. */
  async listen(): Promise<void> {
    const before = this.#listening;
    this.#listening = await listenOnLoopback(
      createTcpServer({ noDelay: true }, (socket) => {
        if (this.#refuses(socket)) return;
        // https://nodejs.org/api/tls.html#event-connection
        this.#tlsServer.emit('connection', socket);
      }),
    );
    if (before === undefined) return;
    this.destroyAll('cut');
    await before.close();
  }

  destroyAll(because: CloseReason): void {
    for (const connection of this.#live) connection.destroy(because);
  }

  setBehaviour(next: FrontBehaviour): void {
    const changes = (next === 'stall') !== (this.#behaviour === 'stall');
    this.#behaviour = next;
    if (changes) for (const connection of this.#live) connection.setStalled(next === 'stall');
  }

  async stop(): Promise<void> {
    this.destroyAll('stopped');
    await this.#listening?.close();
  }

  #refuses(socket: Socket): boolean {
    if (this.#behaviour !== 'refuse') return false;
    this.#counts.refused += 1;
    socket.destroy();
    return true;
  }

  #accept(client: TLSSocket): void {
    // It may have been told to refuse while the handshake was going on.
    if (this.#refuses(client)) return;
    const { log, destination } = this.#options;
    const { access, ...where } = destination();
    const connection: FrontConnection = new FrontConnection(client, {
      id: log.nextId(),
      ...where,
      check: async ({ command, username, token }) =>
        command === 'AUTH' && this.#behaviour === 'refuse-auth'
          ? { accepted: false }
          : access.check(username, token),
      onAuth: (accepted) => {
        this.#counts[accepted ? 'auths' : 'authsRejected'] += 1;
      },
      onClosed: () => {
        this.#live.delete(connection);
        log.closed();
      },
    });
    this.#counts.connectionsAccepted += 1;
    this.#live.add(connection);
    log.add(connection.record);
    connection.start(this.#behaviour === 'stall');
  }
}
