// The nodes of a cluster: which there are, one RedisNode for each primary, and what holds which slot, kept true.

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
  /** Makes the client of one node, not started, that tells its events to `tell`. */
  readonly newNode: (address: NodeAddress, tell: Emit) => RedisNode;
  /** Where the cache is entered: leads to some node. */
  readonly endpoint: NodeAddress;
  readonly clock: Clock;
  /** A number in [0, 1). */
  readonly random: () => number;
  readonly emit: Emit;
}

interface Member extends Source {
  /** When a node that holds no slot yet was last asked for a key on its way there. */
  askedAtMs: number;
}

const keepAskedMs = 60_000;
const askedAtOnce = 3;

export class ClusterNodes {
  readonly #options: ClusterNodesOptions;
  readonly #members = new Map<string, Member>();
  readonly #listeners = new Set<() => void>();
  readonly #refresher: Refresher;
  #table: SlotTable | undefined;
  /** Lives only while no node can be asked instead. */
  #entrance: RedisNode | undefined;
  #lastFailure: AppError | undefined;
  #retired = { reauthenticated: 0, reauthenticationsFailed: 0 };
  #state: 'idle' | 'open' | 'closed' = 'idle';

  constructor(options: ClusterNodesOptions) {
    this.#options = options;
    this.#refresher = new Refresher({
      ...options,
      refresh: () => this.#refresh(),
      isTroubled: () =>
        this.#table === undefined || this.all().some((node) => node.status().state !== 'ready'),
      onCalm: () => this.#leaveEntrance(),
    });
  }

  start(): void {
    if (this.#state !== 'idle') return;
    this.#state = 'open';
    // Here, not in the refresh: the connection is to be begun in this turn.
    this.#enter();
    this.#refresher.start();
  }

  /** Resolves when it is known what holds which slot; rejects with what stands in the way. */
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

  /** The node to ask once for a key that is on its way there. */
  asked(address: NodeAddress): RedisNode {
    const member = this.#memberAt(address);
    member.askedAtMs = this.#options.clock.nowMs();
    return member.node;
  }

  /** A node says that another holds this slot; there may be more news than that. */
  moved(slot: number, to: NodeAddress): void {
    if (this.#table !== undefined) this.#table = this.#table.with(slot, to);
    this.refreshSoon();
  }

  refreshSoon(): void {
    this.#refresher.soon();
  }

  /** Called whenever the slots have been asked for, which also follows the move of a single one. */
  onChange(listener: () => void): void {
    this.#listeners.add(listener);
  }

  all(): readonly RedisNode[] {
    return [...this.#members.values()].map(({ node }) => node);
  }

  status(): RedisStatus {
    const statuses = this.#everyOne().map((node) => node.status());
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
    await Promise.all(this.#everyOne().map((node) => node.settled()));
  }

  get isClosed(): boolean {
    return this.#state === 'closed';
  }

  async close(): Promise<void> {
    this.#state = 'closed';
    this.#refresher.stop();
    await Promise.all(this.#everyOne().map((node) => node.close()));
  }

  #everyOne(): readonly RedisNode[] {
    return this.#entrance === undefined ? this.all() : [...this.all(), this.#entrance];
  }

  #stateOf(statuses: readonly RedisStatus[]): RedisStatus['state'] {
    if (this.#state !== 'open') return this.#state;
    const states = this.#table === undefined ? [] : statuses.map(({ state }) => state);
    // Some of the keys can be asked for: that is what a caller wants to know.
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

  #enter(): RedisNode {
    // Whoever asked the nodes in vain may come here after the end.
    if (this.#state !== 'open') throw closedError();
    if (this.#entrance === undefined) {
      this.#entrance = this.#newNode(this.#options.endpoint);
      this.#entrance.start();
    }
    return this.#entrance;
  }

  async #refresh(): Promise<void> {
    if (this.#state !== 'open') throw closedError();
    try {
      const ready = [...this.#members.values()].filter(({ node }) => node.status().state === 'ready');
      const startAt = Math.floor(this.#options.random() * ready.length);
      const some = [...ready.slice(startAt), ...ready.slice(0, startAt)].slice(0, askedAtOnce);
      const { clock, endpoint } = this.#options;
      const entrance = (): Source => ({ node: this.#enter(), address: endpoint });
      this.#adopt(await askForSlotTable(some, entrance, clock));
      this.#lastFailure = undefined;
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      const told = error.code === 'settings-invalid' && error.message === this.#lastFailure?.message;
      this.#lastFailure = error;
      if (error.code === 'settings-invalid' && !told) {
        this.#options.emit({ type: 'clusteringPolicyWrong', reason: error.message });
      }
      throw error;
    }
  }

  #adopt(table: SlotTable): void {
    if (this.#state !== 'open') return;
    const { clock, emit } = this.#options;
    const primaries = primariesOf(table);
    const added = [...primaries.keys()].filter((name) => !this.#members.has(name));
    const removed: (readonly [string, RedisNode])[] = [];
    for (const address of primaries.values()) this.#memberAt(address);
    this.#table = table;
    for (const [name, { node, askedAtMs }] of this.#members) {
      if (primaries.has(name) || clock.nowMs() - askedAtMs < keepAskedMs) continue;
      this.#members.delete(name);
      removed.push([name, node]);
    }
    if (added.length > 0 || removed.length > 0) {
      const names = removed.map(([name]) => name);
      emit({ type: 'topologyChanged', primaries: primaries.size, added, removed: names });
    }
    // Before the nodes are left, so that whoever listens there begins to listen elsewhere first.
    for (const listener of this.#listeners) listener();
    for (const [, node] of removed) this.#retire(node);
  }

  #leaveEntrance(): void {
    if (this.#entrance === undefined || this.#state !== 'open') return;
    this.#retire(this.#entrance);
    this.#entrance = undefined;
  }

  /** What it is doing ends first; who waits for it is sent elsewhere. */
  #retire(node: RedisNode): void {
    const { reauthenticated, reauthenticationsFailed } = node.status();
    this.#retired.reauthenticated += reauthenticated;
    this.#retired.reauthenticationsFailed += reauthenticationsFailed;
    void node.retire();
  }
}
