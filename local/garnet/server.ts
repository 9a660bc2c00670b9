// A real Garnet on loopback that checks Entra tokens itself: signature, issuer, audience, life and object id.
//
// Held to https://microsoft.github.io/garnet/docs/security and the sources of the version in program.ts

import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startChild, type Child } from '../child.ts';
import { freeLoopbackPorts } from '../listening.ts';
import { decodeReply, type AdminReply, type LocalRedis } from '../redis-server.ts';
import { AdminConnection, type RawAdminReply } from '../admin-connection.ts';
import { redisAudience, type Identity, type TokenIssuer } from '../token-issuer.ts';
import { untilNothingLacks } from '../until.ts';
import { prepareGarnet, type GarnetRules } from './configuration.ts';
import { findGarnet, type GarnetProgram } from './program.ts';

export interface GarnetOptions extends Omit<GarnetRules, 'identities'> {
  /** What Garnet's administrator and the authority trust each other by. */
  readonly ca: { readonly pem: string; readonly path: string };
  /** Makes the administrator's token. */
  readonly issuer: TokenIssuer;
  /** Who may enter beside the administrator. */
  readonly identities: readonly Identity[];
}

const administrator: Identity = {
  clientId: '10ca1000-0000-4000-8000-0000000000a9',
  objectId: '10ca1000-0000-4000-8000-0000000000b9',
};
const administratorsTokenMs = 3_600_000;
const startAttempts = 5;

/** @throws Error that says what to install where .NET is missing. */
export async function startGarnet(options: GarnetOptions): Promise<GarnetServer> {
  const program = await findGarnet();
  const directory = await mkdtemp(join(tmpdir(), 'redis-entra-garnet-'));
  try {
    const identities = [...options.identities, administrator];
    const lifetimeMs = administratorsTokenMs;
    // One token from the start: Garnet would not know a key that the authority begins to sign with later.
    const { token } = await options.issuer.issue({
      audience: redisAudience,
      identity: administrator,
      lifetimeMs,
    });
    const parameters = await prepareGarnet(directory, { ...options, identities });
    for (let attempt = 1; ; attempt += 1) {
      const [port = 0] = await freeLoopbackPorts(1);
      const server = new GarnetServer({ program, parameters, directory, port, token, ca: options.ca });
      try {
        await server.start();
        return server;
      } catch (error) {
        await server.kill();
        // Somebody took the port between our look and Garnet's bind.
        if (attempt === startAttempts || !String(error).includes('AddressAlreadyInUse')) throw error;
      }
    }
  } catch (error) {
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
}

interface GarnetParts extends Pick<GarnetOptions, 'ca'> {
  readonly program: GarnetProgram;
  readonly parameters: readonly string[];
  readonly directory: string;
  readonly port: number;
  /** The administrator's. */
  readonly token: string;
}

export class GarnetServer implements LocalRedis {
  readonly port: number;
  readonly #parts: GarnetParts;
  readonly #admin: AdminConnection;
  #child: Child | undefined;

  constructor(parts: GarnetParts) {
    this.port = parts.port;
    this.#parts = parts;
    const { port, ca, token } = parts;
    this.#admin = new AdminConnection({
      host: 'localhost',
      port,
      caPem: ca.pem,
      username: administrator.objectId,
      password: token,
    });
  }

  get running(): boolean {
    return this.#child?.running ?? false;
  }

  /** Starts it, empty, with the keys that the authority publishes now; does nothing while it runs. */
  async start(): Promise<void> {
    if (this.running) return;
    const { program, parameters, directory, port, ca } = this.#parts;
    const [command, ...first] = program;
    this.#child = await startChild(command, [...first, '--port', `${port}`, ...parameters], {
      name: 'Garnet',
      cwd: directory,
      removeIfOrphaned: directory,
      env: {
        ...process.env,
        // .NET takes what it trusts from there, on Linux: https://learn.microsoft.com/dotnet/standard/security/cross-platform-cryptography#x509store
        SSL_CERT_FILE: ca.path,
        // It runs without ICU on the machine, and without a heap for each core.
        DOTNET_SYSTEM_GLOBALIZATION_INVARIANT: '1',
        DOTNET_gcServer: '0',
      },
    });
    await this.#child.line(/Ready to accept connections/u);
  }

  async admin(...command: readonly (string | Buffer)[]): Promise<AdminReply> {
    return decodeReply(await this.adminRaw(...command));
  }

  async adminRaw(...command: readonly (string | Buffer)[]): Promise<RawAdminReply> {
    return this.#admin.send(command);
  }

  /** Ends all connections but the administrator's. */
  async cutAll(): Promise<void> {
    for (const type of ['NORMAL', 'PUBSUB']) await this.admin('CLIENT', 'KILL', 'TYPE', type);
  }

  async kill(): Promise<void> {
    await this.#child?.kill();
    this.#admin.drop();
  }

  async restart(): Promise<void> {
    await this.kill();
    await this.start();
  }

  pause(): void {
    this.#child?.signal('SIGSTOP');
  }

  /** Resolves when nothing of it runs any more: a signal takes a moment to reach every thread. */
  async paused(): Promise<void> {
    const child = this.#child;
    if (child !== undefined)
      await untilNothingLacks(async () => threadThatRuns(child.pid), 'Garnet stops', 2000);
  }

  resume(): void {
    this.#child?.signal('SIGCONT');
  }

  async stop(): Promise<void> {
    this.#admin.drop();
    await this.#child?.stop();
    await rm(this.#parts.directory, { recursive: true, force: true });
  }
}

/** Undefined when every thread has stopped (https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html). */
async function threadThatRuns(pid: number): Promise<string | undefined> {
  const threads = await readdir(`/proc/${pid}/task`);
  const stats = await Promise.all(
    threads.map(async (thread) => readFile(`/proc/${pid}/task/${thread}/stat`, 'utf8')),
  );
  return stats.find((stat) => !/\) T /u.test(stat));
}
