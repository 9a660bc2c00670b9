// An administrator's connection to Garnet, with a token like everybody's.

import { createClient, RESP_TYPES } from 'redis';
import type { RawAdminReply } from '../redis-server.ts';

export interface GarnetAdminOptions {
  readonly port: number;
  readonly caPem: string;
  readonly username: string;
  readonly token: string;
}

export class GarnetAdmin {
  readonly #options: GarnetAdminOptions;
  #client: Promise<AdminClient> | undefined;

  constructor(options: GarnetAdminOptions) {
    this.#options = options;
  }

  /** Connects where there is no connection; rejects while Garnet is down. */
  async send(command: readonly (string | Buffer)[]): Promise<RawAdminReply> {
    const client = await (this.#client ??= openClient(this.#options, () => this.drop()));
    return client.sendCommand<RawAdminReply>(command);
  }

  drop(): void {
    const dropped = this.#client;
    this.#client = undefined;
    // Not awaited: a paused server never lets it open.
    dropped?.then(
      (client) => {
        if (client.isOpen) client.destroy();
      },
      () => {},
    );
  }
}

type AdminClient = Awaited<ReturnType<typeof openClient>>;

/** Never reconnects by itself: the next command opens a new connection, and a dead server is seen at once. */
async function openClient({ port, caPem, username, token }: GarnetAdminOptions, onGone: () => void) {
  const client = createClient({
    RESP: 2,
    socket: { host: 'localhost', port, tls: true, ca: caPem, reconnectStrategy: false },
    username,
    password: token,
    commandOptions: { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } },
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
