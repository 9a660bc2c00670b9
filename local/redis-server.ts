// A real redis-server (or valkey-server) on loopback that nobody can enter without an ACL user.
// Used by the Entra front and by tests as administrator. Knows nothing of tokens or TLS.

import { randomBytes } from 'node:crypto';
import { access, constants, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { AdminConnection, type RawAdminReply } from './admin-connection.ts';
import { startChild, type Child } from './child.ts';
import { freeLoopbackPorts, loopback } from './listening.ts';
import { adminUser, redisConfig, type ClusterNodeOptions, type RedisConfig } from './redis-config.ts';

const startAttempts = 5;

/** As redis-cli would show it, bulk strings decoded as UTF-8. */
export type AdminReply = string | number | null | readonly AdminReply[];
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
  /** A directory of the caller's, made if it is not there. A temporary one is made otherwise. */
  readonly directory?: string;
  /** What is removed if this process dies; `directory` unless said otherwise. */
  readonly removeIfOrphaned?: string;
  /** The administrator's; a random one unless several servers must know it. */
  readonly password?: string;
  /** As a node of a cluster that somebody else forms. */
  readonly cluster?: ClusterNodeOptions;
  /** Called when it is told to be away: before it is killed, and when it has been paused. */
  readonly onAway?: () => Promise<void>;
}

/** Starts a server that keeps no data on disk. */
export async function startRedisServer(options: RedisServerOptions = {}): Promise<RedisServer> {
  const program = await findRedisServer();
  const directory = options.directory ?? (await mkdtemp(join(tmpdir(), 'redis-entra-redis-')));
  await mkdir(directory, { recursive: true });
  const password = options.password ?? randomBytes(24).toString('base64url');
  let failure: unknown;
  for (let attempt = 0; attempt < startAttempts; attempt++) {
    const [port = 0, busPort = 0] = await freeLoopbackPorts(2);
    const server = new RedisServer({
      program,
      directory,
      removeIfOrphaned: options.removeIfOrphaned ?? directory,
      ownsDirectory: !options.directory,
      onAway: options.onAway ?? (async () => {}),
      config: { port, password, ...(options.cluster && { cluster: { ...options.cluster, busPort } }) },
    });
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

/** What an administrator and a test can do with one server, and with a cluster as if it were one. */
export interface LocalRedis {
  readonly running: boolean;
  start(): Promise<void>;
  admin(...command: readonly (string | Buffer)[]): Promise<AdminReply>;
  adminRaw(...command: readonly (string | Buffer)[]): Promise<RawAdminReply>;
  kill(): Promise<void>;
  restart(): Promise<void>;
  pause(): void;
  resume(): void;
  stop(): Promise<void>;
}

interface RedisServerParts {
  readonly program: string;
  readonly directory: string;
  readonly removeIfOrphaned: string;
  readonly ownsDirectory: boolean;
  readonly onAway: () => Promise<void>;
  readonly config: RedisConfig;
}

export class RedisServer implements LocalRedis {
  readonly port: number;
  /** Of the cluster bus, in a cluster. */
  readonly busPort: number | undefined;
  readonly #parts: RedisServerParts;
  #child: Child | undefined;
  #paused = false;
  readonly #admin: AdminConnection;

  constructor(parts: RedisServerParts) {
    this.port = parts.config.port;
    this.busPort = parts.config.cluster?.busPort;
    this.#parts = parts;
    const { port, password } = parts.config;
    this.#admin = new AdminConnection({ host: loopback, port, username: adminUser, password });
  }

  get running(): boolean {
    return this.#child?.running ?? false;
  }

  /** Whether it runs and is not paused. */
  get responsive(): boolean {
    return this.running && !this.#paused;
  }

  /** Of redis-server itself, while it runs. */
  get pid(): number | undefined {
    return this.#child?.running === true ? this.#child.pid : undefined;
  }

  /** Starts it; does nothing while it runs. Throws if the port has been taken. */
  async start(): Promise<void> {
    if (this.running) return;
    const { config, directory, program, removeIfOrphaned } = this.#parts;
    const configPath = join(directory, 'redis.conf');
    await writeFile(configPath, redisConfig(config), { mode: 0o600 });
    this.#paused = false;
    const child = await startChild(program, [configPath], {
      name: 'redis-server',
      cwd: directory,
      removeIfOrphaned,
    });
    this.#child = child;
    await child.line(/Ready to accept connections/u);
  }

  /** One command on the administrator's connection. Rejects while redis is down. */
  async admin(...command: readonly (string | Buffer)[]): Promise<AdminReply> {
    return decodeReply(await this.adminRaw(...command));
  }

  async adminRaw(...command: readonly (string | Buffer)[]): Promise<RawAdminReply> {
    return this.#admin.send(command);
  }

  /** Ends redis and removes what it used. */
  async stop(): Promise<void> {
    this.#admin.drop();
    await this.#child?.stop();
    if (this.#parts.ownsDirectory) await rm(this.#parts.directory, { recursive: true, force: true });
  }

  /** SIGKILL: connections break, data and ACL users are lost. `start` or `restart` brings it back. */
  async kill(): Promise<void> {
    if (this.running) await this.#parts.onAway();
    await this.#child?.kill();
    this.#admin.drop();
  }

  /** Kills it and starts it again on the same port, empty. */
  async restart(): Promise<void> {
    await this.kill();
    await this.start();
  }

  /** Freezes redis: the kernel still accepts connections and bytes, nothing answers. */
  pause(): void {
    this.#paused = true;
    this.#child?.signal('SIGSTOP');
    void this.#parts.onAway();
  }

  resume(): void {
    this.#paused = false;
    this.#child?.signal('SIGCONT');
  }
}

export function decodeReply(reply: RawAdminReply): AdminReply {
  if (Buffer.isBuffer(reply)) return reply.toString();
  return typeof reply === 'object' && reply !== null ? reply.map(decodeReply) : reply;
}
