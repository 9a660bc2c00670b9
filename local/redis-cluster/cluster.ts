// A real Redis Cluster on loopback: three primaries with a replica each, and what tests do to them.
// Used by the stack. Knows nothing of tokens, TLS, or the fronts before the nodes.

import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import {
  decodeReply,
  startRedisServer,
  type AdminReply,
  type LocalRedis,
  type RedisServer,
} from '../redis-server.ts';
import type { RawAdminReply } from '../admin-connection.ts';
import { untilNothingLacks } from '../until.ts';
import { formCluster } from './formation.ts';
import { moveSlots, type ReshardingOptions } from './resharding.ts';
import { joinReplies, runFollowing, concerns } from './routing.ts';
import { askTopology, whatIsUnsettled, type Topology } from './topology.ts';

const nodeCount = 6;
/** A replica takes over 2 to 2.5 s after its primary died: this, the vote's delay, and gossip. */
const nodeTimeoutMs = 1000;
/** While nobody is away: no node is taken for dead because a busy machine has not got to it. */
const calmNodeTimeoutMs = 5000;
const settleLimitMs = 60_000;
const failoverLimitMs = 6000;

export interface RedisClusterOptions {
  /** Gets a directory for each node, and is removed if this process dies. */
  readonly directory: string;
}

export async function startRedisCluster({ directory }: RedisClusterOptions): Promise<RedisCluster> {
  const password = randomBytes(24).toString('base64url');
  let formed: RedisCluster | undefined;
  const starting = await Promise.allSettled(
    Array.from({ length: nodeCount }, async (_, index) =>
      startRedisServer({
        directory: join(directory, `node-${index}`),
        removeIfOrphaned: directory,
        password,
        cluster: { nodeTimeoutMs },
        onAway: async () => formed?.setNodeTimeoutMs(nodeTimeoutMs),
      }),
    ),
  );
  const nodes = starting.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []));
  const cluster = new RedisCluster(nodes, password);
  try {
    for (const start of starting) if (start.status === 'rejected') throw start.reason;
    await formCluster(nodes);
    formed = cluster;
    await cluster.untilSettled();
    return cluster;
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}

export class RedisCluster implements LocalRedis {
  /** At first 0 to 2 are the primaries of a third of the slots each, and 3 to 5 their replicas. */
  readonly nodes: readonly RedisServer[];
  readonly #password: string;

  constructor(nodes: readonly RedisServer[], password: string) {
    this.nodes = nodes;
    this.#password = password;
  }

  node(index: number): RedisServer {
    const node = this.nodes[index];
    if (node === undefined) throw new Error(`There is no node ${index}.`);
    return node;
  }

  /** Whether all nodes run. */
  get running(): boolean {
    return this.nodes.every((node) => node.running);
  }

  /** The live node of the lowest index; the first if none is live. */
  get entrance(): RedisServer {
    return this.nodes.find((node) => node.responsive) ?? this.node(0);
  }

  /** As the nodes see it; while it changes, as one of them does. */
  topology(): Promise<Topology> {
    return askTopology(this.entrance, this.nodes);
  }

  async slotOf(key: string | Buffer): Promise<number> {
    return Number(await this.entrance.admin('CLUSTER', 'KEYSLOT', key));
  }

  /** The index of the primary that has the key's slot. */
  async ownerOf(key: string | Buffer): Promise<number> {
    const [slot, topology] = await Promise.all([this.slotOf(key), this.topology()]);
    const shard = topology.find(({ slots }) => slots.some(([from, to]) => from <= slot && slot <= to));
    if (shard === undefined) throw new Error(`Nobody has slot ${slot}.`);
    return shard.primary;
  }

  /** The indices of the live replicas of a primary. */
  async replicasOf(primary: number): Promise<readonly number[]> {
    return (await this.topology()).find((shard) => shard.primary === primary)?.replicas ?? [];
  }

  /** Makes a replica of a live primary take its place, in agreement with it. Resolves to the replica's index. */
  async failover(primary: number): Promise<number> {
    const [replica] = (await this.replicasOf(primary)).filter((index) => this.node(index).responsive);
    if (replica === undefined) throw new Error(`Node ${primary} is no primary with a live replica.`);
    // Primaries vote once in two of these times.
    await this.setNodeTimeoutMs(nodeTimeoutMs);
    let askedAtMs = 0;
    await untilNothingLacks(
      async () => {
        const roles = await this.node(replica).admin('ROLE');
        if (String((roles as readonly AdminReply[])[0]) === 'master') return undefined;
        // Redis gives a failover up that has not succeeded after 5 s.
        if (Date.now() - askedAtMs > failoverLimitMs) {
          askedAtMs = Date.now();
          await this.node(replica).admin('CLUSTER', 'FAILOVER');
        }
        return 'still a replica';
      },
      `Failover to node ${replica}`,
      settleLimitMs,
    );
    await this.untilSettled();
    return replica;
  }

  /** Moves slots with their keys between live primaries while clients go on. */
  async moveSlots(
    from: number,
    to: number,
    slots: readonly number[],
    options: ReshardingOptions = {},
  ): Promise<void> {
    const others = (await this.topology())
      .map(({ primary }) => primary)
      .filter((i) => i !== from && i !== to);
    await moveSlots(slots, {
      ...options,
      from: this.node(from),
      to: this.node(to),
      otherPrimaries: others.map((index) => this.node(index)).filter((node) => node.responsive),
      password: this.#password,
    });
  }

  /** Waits until all live nodes agree, every slot is served and every live replica is in step and listed. */
  async untilSettled(limitMs = settleLimitMs): Promise<void> {
    await untilNothingLacks(() => whatIsUnsettled(this.nodes), 'A settled cluster', limitMs);
    if (this.nodes.every((node) => node.responsive)) await this.setNodeTimeoutMs(calmNodeTimeoutMs);
  }

  /** How long a node may be silent until the others take it for dead; set when one is told to be away, or is back. */
  async setNodeTimeoutMs(timeoutMs: number): Promise<void> {
    const told = this.nodes.map(async (node) => {
      if (node.responsive) await node.admin('CONFIG', 'SET', 'cluster-node-timeout', `${timeoutMs}`);
    });
    // One that goes away meanwhile is told when it is back.
    await Promise.allSettled(told);
  }

  /**
   * One command of the administrator, on the node that has its keys. What names no key runs on one live node,
   * but for what concerns all of them, such as FLUSHALL, DBSIZE, KEYS, INFO and CLIENT LIST.
   */
  async admin(...command: readonly (string | Buffer)[]): Promise<AdminReply> {
    return decodeReply(await this.adminRaw(...command));
  }

  async adminRaw(...command: readonly (string | Buffer)[]): Promise<RawAdminReply> {
    const concerned = concerns(command);
    if (concerned === 'one node') return runFollowing(command, this.entrance, this.nodes);
    const several =
      concerned === 'primaries'
        ? (await this.topology()).map(({ primary }) => this.node(primary))
        : this.nodes.filter((node) => node.responsive);
    return joinReplies(await Promise.all(several.map(async (node) => node.adminRaw(...command))));
  }

  /** Starts the nodes that do not run, and waits until they are a cluster again. */
  async start(): Promise<void> {
    await this.#each(async (node) => node.start());
    await this.untilSettled();
  }

  /** SIGKILL to all nodes. All data is lost; who had which slots is not. */
  async kill(): Promise<void> {
    await this.#each(async (node) => node.kill());
  }

  async restart(): Promise<void> {
    await this.kill();
    await this.start();
  }

  pause(): void {
    for (const node of this.nodes) node.pause();
  }

  resume(): void {
    for (const node of this.nodes) node.resume();
  }

  async stop(): Promise<void> {
    await this.#each(async (node) => node.stop());
  }

  async #each(work: (node: RedisServer) => Promise<void>): Promise<void> {
    await Promise.all(this.nodes.map(work));
  }
}
