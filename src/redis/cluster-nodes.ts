// The nodes of a cluster: one RedisNode for each primary, and which of them holds which slot, kept up to date.

import type { Clock } from '../util/clock.ts';
import { withDeadline } from '../util/deadline.ts';
import { AppError } from '../util/errors.ts';
import type { Emit } from '../telemetry/events.ts';
import type { RedisNode } from './node.ts';
import { closedError } from './outage.ts';
import type { RedisStatus } from './redis.ts';
import { Refresher } from './refresher.ts';
import { askForSlotTable, type Source } from './slot-table.ts';
import { addressText, primariesOf, type NodeAddress, type SlotTable } from './topology.ts';

export interface ClusterNodesOptions {
  /** Makes the client of one node, not started, with `emit` for its events. */
  readonly newNode: (address: NodeAddress, emit: Emit) => RedisNode;
  /** The cache's host name, which leads to some node. */
  readonly endpoint: NodeAddress;
  readonly clock: Clock;
  /** A number in [0, 1). */
  readonly random: () => number;
  readonly emit: Emit;
}

interface Member extends Source {
  /** When ASK last sent a command to this node, which may hold no slot yet. */
  askedAtMs: number;
}

const keptAfterAskMs = 60_000;
const nodesAskedAtOnce = 3;

export class ClusterNodes {
  readonly #options: ClusterNodesOptions;
  readonly #members = new Map<string, Member>();
  readonly #listeners = new Set<() => void>();
  readonly #refresher: Refresher;
  #table: SlotTable | undefined;
  /** The node behind the endpoint; there is one only while no other can be asked. */
  #seedNode: RedisNode | undefined;
  #lastFailure: AppError | undefined;
  #retired = { reauthenticated: 0, reauthenticationsFailed: 0 };
  #state: 'idle' | 'open' | 'closed' = 'idle';

  constructor(options: ClusterNodesOptions) {
    this.#options = options;
    this.#refresher = new Refresher({
      ...options,
      refresh: () => this.#refresh(),
      isDegraded: () =>
        this.#table === undefined || this.all().some((node) => node.status().state !== 'ready'),
      onHealthy: () => this.#retireSeedNode(),
    });
  }

  start(): void {
    if (this.#state !== 'idle') return;
    this.#state = 'open';
    // Here, not in the refresh, so that connecting begins in this turn.
    this.#openSeedNode();
    this.#refresher.start();
  }

  /** Resolves when it is known which node holds which slot; rejects with the reason why that is not known. */
  async known(deadlineAtMs: number): Promise<void> {
    if (this.#table !== undefined) return;
    const late = (): AppError =>
      this.#lastFailure ?? new AppError('redis-unavailable', 'Not connected to Redis yet.');
    await withDeadline(this.#options.clock, deadlineAtMs, this.#refresher.now(), late);
  }

  ownerOf(slot: number): RedisNode | undefined {
    const address = this.#table?.[slot];
    return address === undefined ? undefined : this.#memberAt(address).node;
  }

  /** The node that ASK names: it may have the key before it holds the slot. */
  askedNode(address: NodeAddress): RedisNode {
    const member = this.#memberAt(address);
    member.askedAtMs = this.#options.clock.nowMs();
    return member.node;
  }

  /** MOVED says that another node holds this slot; other slots may have moved as well. */
  moveSlot(slot: number, to: NodeAddress): void {
    if (this.#table !== undefined) this.#table = this.#table.with(slot, to);
    this.refreshSoon();
  }

  refreshSoon(): void {
    this.#refresher.soon();
  }

  /** `listener` is called after each refresh of the slot table, which also follows the move of a single slot. */
  onChange(listener: () => void): void {
    this.#listeners.add(listener);
  }

  all(): readonly RedisNode[] {
    return [...this.#members.values()].map(({ node }) => node);
  }

  status(): RedisStatus {
    const statuses = this.#allWithSeed().map((node) => node.status());
    const sum = (of: (status: RedisStatus) => number): number =>
      statuses.reduce((total, status) => total + of(status), 0);
    return {
      state: this.#stateOf(statuses),
      connections: sum(({ connections }) => connections),
      lastFailure:
        statuses.find(({ lastFailure }) => lastFailure !== undefined)?.lastFailure ??
        this.#lastFailure?.message,
      reauthenticated: this.#retired.reauthenticated + sum(({ reauthenticated }) => reauthenticated),
      reauthenticationsFailed:
        this.#retired.reauthenticationsFailed + sum(({ reauthenticationsFailed }) => reauthenticationsFailed),
    };
  }

  async settled(): Promise<void> {
    await Promise.all(this.#allWithSeed().map((node) => node.settled()));
  }

  get isClosed(): boolean {
    return this.#state === 'closed';
  }

  async close(): Promise<void> {
    this.#state = 'closed';
    this.#refresher.stop();
    await Promise.all(this.#allWithSeed().map((node) => node.close()));
  }

  #allWithSeed(): readonly RedisNode[] {
    return this.#seedNode === undefined ? this.all() : [...this.all(), this.#seedNode];
  }

  #stateOf(statuses: readonly RedisStatus[]): RedisStatus['state'] {
    if (this.#state !== 'open') return this.#state;
    const states = this.#table === undefined ? [] : statuses.map(({ state }) => state);
    // Some of the keys can be read and written.
    if (states.includes('ready')) return 'ready';
    return statuses.some(({ state }) => state === 'backing-off') ? 'backing-off' : 'connecting';
  }

  #memberAt(address: NodeAddress): Member {
    const name = addressText(address);
    let member = this.#members.get(name);
    if (member === undefined) {
      member = { address, node: this.#newNode(address), askedAtMs: 0 };
      this.#members.set(name, member);
      if (this.#state === 'open') member.node.start();
    }
    return member;
  }

  #newNode(address: NodeAddress): RedisNode {
    return this.#options.newNode(address, (event) => {
      this.#options.emit(event);
      if (event.type === 'connectionLost') this.refreshSoon();
    });
  }

  #openSeedNode(): RedisNode {
    // A refresh that asked the nodes in vain may come here after the end.
    if (this.#state !== 'open') throw closedError();
    if (this.#seedNode === undefined) {
      this.#seedNode = this.#newNode(this.#options.endpoint);
      this.#seedNode.start();
    }
    return this.#seedNode;
  }

  async #refresh(): Promise<void> {
    if (this.#state !== 'open') throw closedError();
    const { clock, endpoint } = this.#options;
    try {
      const seed = (): Source => ({ node: this.#openSeedNode(), address: endpoint });
      this.#adopt(await askForSlotTable(this.#someReadyNodes(), seed, clock));
      this.#lastFailure = undefined;
    } catch (error) {
      if (error instanceof AppError) this.#onRefreshFailed(error);
      throw error;
    }
  }

  /** A few that stand next to each other, from a random one on. */
  #someReadyNodes(): readonly Source[] {
    const ready = [...this.#members.values()].filter(({ node }) => node.status().state === 'ready');
    const first = Math.floor(this.#options.random() * ready.length);
    return [...ready.slice(first), ...ready.slice(0, first)].slice(0, nodesAskedAtOnce);
  }

  #onRefreshFailed(error: AppError): void {
    const isNew = error.message !== this.#lastFailure?.message;
    this.#lastFailure = error;
    if (error.code !== 'settings-invalid' || !isNew) return;
    this.#options.emit({ type: 'clusteringPolicyWrong', reason: error.message });
  }

  #adopt(table: SlotTable): void {
    if (this.#state !== 'open') return;
    const { emit } = this.#options;
    const primaries = primariesOf(table);
    const added = [...primaries.keys()].filter((name) => !this.#members.has(name));
    for (const address of primaries.values()) this.#memberAt(address);
    this.#table = table;
    const removed = this.#removeMembersBut(primaries);
    if (added.length > 0 || removed.size > 0) {
      emit({ type: 'topologyChanged', primaries: primaries.size, added, removed: [...removed.keys()] });
    }
    // Before the nodes are retired, so that subscriptions begin on other nodes before they end on these.
    for (const listener of this.#listeners) listener();
    for (const node of removed.values()) this.#retire(node);
  }

  /** Except nodes that a slot is being moved to. */
  #removeMembersBut(primaries: ReadonlyMap<string, NodeAddress>): ReadonlyMap<string, RedisNode> {
    const nowMs = this.#options.clock.nowMs();
    const removed = new Map<string, RedisNode>();
    for (const [name, { node, askedAtMs }] of this.#members) {
      if (primaries.has(name) || nowMs - askedAtMs < keptAfterAskMs) continue;
      this.#members.delete(name);
      removed.set(name, node);
    }
    return removed;
  }

  #retireSeedNode(): void {
    if (this.#seedNode === undefined || this.#state !== 'open') return;
    this.#retire(this.#seedNode);
    this.#seedNode = undefined;
  }

  /** Its commands end first; whoever waits for the node is sent to another. */
  #retire(node: RedisNode): void {
    const { reauthenticated, reauthenticationsFailed } = node.status();
    this.#retired.reauthenticated += reauthenticated;
    this.#retired.reauthenticationsFailed += reauthenticationsFailed;
    void node.retire();
  }
}
