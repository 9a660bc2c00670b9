// A real redis-server (or valkey-server) on loopback that nobody can enter without an ACL user.
// Used by the Entra front and by tests as administrator. Knows nothing of tokens or TLS.

import { createHash, randomBytes } from 'node:crypto';
import { access, constants, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createClient, RESP_TYPES } from 'redis';
import { startChild, type Child } from './child.ts';
import { freeLoopbackPort, loopback } from './listening.ts';

const startAttempts = 5;
const adminUser = 'local-admin';
const connectTimeoutMs = 2000;

/** As redis-cli would show it, bulk strings decoded as UTF-8. */
export type AdminReply = string | number | null | readonly AdminReply[];
/** The same with bulk strings as the bytes they are. */
export type RawAdminReply = Buffer | string | number | null | readonly RawAdminReply[];

/** The path of the installed server; throws an error that says what to install. */
export async function findRedisServer(searchPath: string = process.env['PATH'] ?? ''): Promise<string> {
  for (const program of ['redis-server', 'valkey-server']) {
    for (const directory of searchPath.split(delimiter).filter((part) => part !== '')) {
      const path = join(directory, program);
      const found = await access(path, constants.X_OK).then(
        () => true,
        () => false,
      );
      if (found) return path;
    }
  }
  throw new Error(
    'Neither redis-server nor valkey-server (7 or later) is on the PATH. Install one of them: ' +
      '`apt-get install redis-server` (Debian, Ubuntu), `dnf install valkey` (Fedora), ' +
      '`apk add redis` (Alpine) or `brew install redis` (macOS).',
  );
}

export interface RedisServerOptions {
  /** A directory of the caller's, also removed if this process dies. One is made otherwise. */
  readonly directory?: string;
}

/** Starts a server that keeps nothing on disk. */
export async function startRedisServer(options: RedisServerOptions = {}): Promise<RedisServer> {
  const program = await findRedisServer();
  const directory = options.directory ?? (await mkdtemp(join(tmpdir(), 'redis-entra-redis-')));
  const password = randomBytes(24).toString('base64url');
  let failure: unknown;
  for (let attempt = 0; attempt < startAttempts; attempt++) {
    const port = await freeLoopbackPort();
    const server = new RedisServer({ program, directory, port, password, ownsDirectory: !options.directory });
    try {
      await server.start();
      return server;
    } catch (error) {
      failure = error;
      await server.kill();
      // Somebody took the port between our look and redis's bind.
      if (!String(error).includes('Address already in use')) break;
    }
  }
  if (!options.directory) await rm(directory, { recursive: true, force: true });
  throw failure;
}

interface RedisServerParts {
  readonly program: string;
  readonly directory: string;
  readonly port: number;
  readonly password: string;
  readonly ownsDirectory: boolean;
}

export class RedisServer {
  readonly port: number;
  readonly #parts: RedisServerParts;
  #child: Child | undefined;
  #admin: Promise<AdminClient> | undefined;

  constructor(parts: RedisServerParts) {
    this.port = parts.port;
    this.#parts = parts;
  }

  get running(): boolean {
    return this.#child?.running ?? false;
  }

  /** Of redis-server itself, while it runs. */
  get pid(): number | undefined {
    return this.#child?.running === true ? this.#child.pid : undefined;
  }

  /** Starts it; does nothing while it runs. Throws if the port has been taken. */
  async start(): Promise<void> {
    if (this.running) return;
    const { directory, program } = this.#parts;
    const configPath = join(directory, 'redis.conf');
    await writeFile(configPath, redisConfig(this.#parts), { mode: 0o600 });
    const child = await startChild(program, [configPath], {
      name: 'redis-server',
      cwd: directory,
      removeIfOrphaned: directory,
    });
    this.#child = child;
    await child.line(/Ready to accept connections/u);
  }

  /** One command on the administrator's connection. Rejects while redis is down. */
  async admin(...command: readonly (string | Buffer)[]): Promise<AdminReply> {
    return decode(await this.adminRaw(...command));
  }

  async adminRaw(...command: readonly (string | Buffer)[]): Promise<RawAdminReply> {
    const client = await this.#adminClient();
    return client.sendCommand<RawAdminReply>(command);
  }

  /** Ends redis and removes what it used. */
  async stop(): Promise<void> {
    this.#dropAdmin();
    await this.#child?.stop();
    if (this.#parts.ownsDirectory) await rm(this.#parts.directory, { recursive: true, force: true });
  }

  /** SIGKILL: connections break, data and ACL users are lost. `start` or `restart` brings it back. */
  async kill(): Promise<void> {
    await this.#child?.kill();
    this.#dropAdmin();
  }

  /** Kills it and starts it again on the same port, empty. */
  async restart(): Promise<void> {
    await this.kill();
    await this.start();
  }

  /** Freezes redis: the kernel still accepts connections and bytes, nothing answers. */
  pause(): void {
    this.#child?.signal('SIGSTOP');
  }

  resume(): void {
    this.#child?.signal('SIGCONT');
  }

  async #adminClient(): Promise<AdminClient> {
    const opening = (this.#admin ??= openAdmin(this.port, this.#parts.password, () => {
      if (this.#admin === opening) this.#admin = undefined;
    }));
    return opening;
  }

  #dropAdmin(): void {
    const opening = this.#admin;
    this.#admin = undefined;
    // Not awaited: a paused redis never lets it open.
    opening?.then(
      (client) => {
        if (client.isOpen) client.destroy();
      },
      () => {},
    );
  }
}

type AdminClient = Awaited<ReturnType<typeof openAdmin>>;

/** Never reconnects by itself: the next command opens a new connection, and a dead redis is seen at once. */
async function openAdmin(port: number, password: string, onGone: () => void) {
  const client = createClient({
    RESP: 2,
    socket: { host: loopback, port, reconnectStrategy: false, connectTimeout: connectTimeoutMs },
    username: adminUser,
    password,
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

function decode(reply: RawAdminReply): AdminReply {
  if (Buffer.isBuffer(reply)) return reply.toString();
  return typeof reply === 'object' && reply !== null ? reply.map(decode) : reply;
}

/**
 * Only the hash of the password is written. `databases 1`: Azure Managed Redis has database 0 only
 * (https://learn.microsoft.com/azure/redis/architecture). Default user off: access keys are disabled
 * (https://learn.microsoft.com/azure/redis/entra-for-authentication), so everybody must name a user.
 */
function redisConfig({ port, password }: RedisServerParts): string {
  const hash = createHash('sha256').update(password).digest('hex');
  return [
    `bind ${loopback}`,
    `port ${port}`,
    'daemonize no',
    'save ""',
    'appendonly no',
    'databases 1',
    'logfile ""',
    'loglevel notice',
    'user default off resetpass',
    `user ${adminUser} on #${hash} ~* &* +@all`,
    '',
  ].join('\n');
}
