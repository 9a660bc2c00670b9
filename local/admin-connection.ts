// An administrator's connection to a Redis server that may come and go.

import { createClient, RESP_TYPES } from 'redis';
import { clientsOfOneClass } from '../src/redis/new-client.ts';

/** As redis-cli would show it, with bulk strings as the bytes they are. */
export type RawAdminReply = Buffer | string | number | null | readonly RawAdminReply[];

export interface AdminConnectionOptions {
  readonly host: string;
  readonly port: number;
  readonly username: string;
  readonly password: string;
  /** Of the authority that signed the server's certificate; plain TCP without one. */
  readonly caPem?: string;
}

type Client = Awaited<ReturnType<typeof open>>;
const connectTimeoutMs = 10_000;

export class AdminConnection {
  readonly #options: AdminConnectionOptions;
  #opening: Promise<Client> | undefined;

  constructor(options: AdminConnectionOptions) {
    this.#options = options;
  }

  /** Connects where there is no connection; rejects while the server is down. */
  async send(command: readonly (string | Buffer)[]): Promise<RawAdminReply> {
    const client = await this.#connected();
    return client.sendCommand<RawAdminReply>(command);
  }

  /** An attempt of somebody else says nothing about now: it may have begun before the server was there again. */
  async #connected(): Promise<Client> {
    if (this.#opening !== undefined) {
      const theirs = await this.#opening.catch(() => undefined);
      if (theirs !== undefined) return theirs;
    }
    const opening = (this.#opening ??= open(this.#options, () => {
      if (this.#opening === opening) this.#opening = undefined;
    }));
    return opening;
  }

  drop(): void {
    const dropped = this.#opening;
    this.#opening = undefined;
    // Not awaited: a paused server never lets it open.
    dropped?.then(
      (client) => {
        if (client.isOpen) client.destroy();
      },
      () => {},
    );
  }
}

const newClient = clientsOfOneClass(() =>
  createClient({ RESP: 2, commandOptions: { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } } }),
);

/** Never reconnects by itself: the next command opens a new connection, and a dead server is seen at once. */
async function open(options: AdminConnectionOptions, onGone: () => void) {
  const { host, port, username, password, caPem } = options;
  const socket = { host, port, reconnectStrategy: false, connectTimeout: connectTimeoutMs } as const;
  const client = newClient({
    socket: caPem === undefined ? socket : { ...socket, tls: true, ca: caPem },
    username,
    password,
  });
  client.on('error', onGone);
  client.on('end', onGone);
  try {
    await client.connect();
  } catch (error) {
    onGone();
    throw error;
  }
  return client;
}
