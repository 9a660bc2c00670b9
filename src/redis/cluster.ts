// The Redis port over a cluster, Azure's policy OSSCluster: sends each command to the node that holds its slot, follows
// slots that move, and splits what concerns many keys.

import { delay, type Clock } from '../util/clock.ts';
import { AppError } from '../util/errors.ts';
import type { ClusterNodes } from './cluster-nodes.ts';
import { ClusterSubscriptions } from './cluster-subscriptions.ts';
import type { RedisClient } from './handshake.ts';
import { slotOf } from './key-slot.ts';
import type { NodeCall, RedisNode } from './node.ts';
import { nextStep } from './redirect.ts';
import type { CallOptions, KeyOutcome, Redis, RedisStatus } from './redis.ts';

export interface ClusterRedisOptions {
  readonly nodes: ClusterNodes;
  readonly clock: Clock;
}

type Work<T> = (client: RedisClient, keys: readonly string[]) => Promise<readonly T[]>;

// A slot may be on its way more than once; nodes that disagree do not for longer than about a second.
const maxSteps = 16;
const laterMs = 75;

export class ClusterRedis implements Redis {
  readonly #nodes: ClusterNodes;
  readonly #clock: Clock;
  readonly #subscriptions: ClusterSubscriptions;

  constructor({ nodes, clock }: ClusterRedisOptions) {
    this.#nodes = nodes;
    this.#clock = clock;
    this.#subscriptions = new ClusterSubscriptions(nodes, clock);
  }

  start(): void {
    this.#nodes.start();
  }

  async run<T>(work: (client: RedisClient) => Promise<T>, options: CallOptions): Promise<T> {
    const slot = slotOf(options.key);
    const { deadlineAtMs } = options;
    let once: RedisNode | undefined;
    for (let steps = 1; ; steps += 1) {
      await this.#nodes.known(deadlineAtMs);
      const node = once ?? this.#nodes.ownerOf(slot);
      try {
        if (node === undefined) throw unserved();
        return await node.run(node === once ? asking(work) : work, options);
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
        const step = node === undefined ? ({ kind: 'later' } as const) : nextStep(error, node.hostname);
        if (step.kind === 'give-up' || steps === maxSteps || this.#nodes.isClosed) throw error;
        once = step.kind === 'ask' ? this.#nodes.asked(step.at) : undefined;
        if (step.kind === 'moved') this.#nodes.moved(step.slot, step.to);
        if (step.kind === 'later') {
          this.#nodes.refreshSoon();
          await this.#pause(deadlineAtMs, error);
        }
      }
    }
  }

  async runMany<T>(
    keys: readonly string[],
    work: Work<T>,
    options: NodeCall,
  ): Promise<readonly KeyOutcome<T>[]> {
    const outcomes = new Map<number, KeyOutcome<T>>();
    try {
      await this.#nodes.known(options.deadlineAtMs);
      const groups = Map.groupBy(keys.keys(), (index) => this.#nodes.ownerOf(slotOf(keys[index] ?? '')));
      const answered = [...groups].map(async ([node, indexes]) => {
        const asked = indexes.map((index) => keys[index] ?? '');
        const group = await this.#runGroup(node, asked, work, options);
        for (const [at, outcome] of group.entries()) outcomes.set(indexes[at] ?? 0, outcome);
      });
      await Promise.all(answered);
      return keys.map((_key, index) => outcomes.get(index) ?? { ok: false, error: unserved() });
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      return keys.map(() => ({ ok: false, error }));
    }
  }

  async ping(deadlineAtMs: number): Promise<void> {
    await this.#nodes.known(deadlineAtMs);
    try {
      await Promise.any(this.#nodes.all().map((node) => node.ping(deadlineAtMs)));
    } catch (error) {
      throw error instanceof AggregateError ? (error.errors[0] ?? unserved()) : error;
    }
  }

  status(): RedisStatus {
    return this.#nodes.status();
  }

  settled(): Promise<void> {
    return this.#nodes.settled();
  }

  subscribe(channel: string, listener: (message: string) => void): () => void {
    return this.#subscriptions.add(channel, listener);
  }

  listening(channel: string, deadlineAtMs: number): Promise<void> {
    return this.#subscriptions.listening(channel, deadlineAtMs);
  }

  close(): Promise<void> {
    return this.#nodes.close();
  }

  /** One pipeline to one node; key by key where a slot of the group has moved or cannot be asked there. */
  async #runGroup<T>(
    node: RedisNode | undefined,
    keys: readonly string[],
    work: Work<T>,
    options: NodeCall,
  ): Promise<readonly KeyOutcome<T>[]> {
    try {
      if (node !== undefined) {
        const values = await node.run((client) => work(client, keys), options);
        return values.map((value) => ({ ok: true, value }));
      }
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      if (nextStep(error, '').kind === 'give-up') return keys.map(() => ({ ok: false, error }));
    }
    return Promise.all(keys.map((key) => this.#runOne(key, work, options)));
  }

  async #runOne<T>(key: string, work: Work<T>, options: NodeCall): Promise<KeyOutcome<T>> {
    try {
      const [value] = await this.run((client) => work(client, [key]), { ...options, key });
      return { ok: true, value: value as T };
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      return { ok: false, error };
    }
  }

  async #pause(deadlineAtMs: number, error: AppError): Promise<void> {
    if (this.#clock.nowMs() + laterMs >= deadlineAtMs) throw error;
    await delay(this.#clock, laterMs);
  }
}

/**
 * ASKING is for the one command after it (https://redis.io/docs/latest/commands/asking/): both are issued in
 * one turn, so that nothing comes between. Work that is sent after a slot issues one command a run.
 */
function asking<T>(work: (client: RedisClient) => Promise<T>) {
  return async (client: RedisClient): Promise<T> => {
    const asked = client.sendCommand(['ASKING']);
    const [, result] = await Promise.all([asked, work(client)]);
    return result;
  };
}

function unserved(): AppError {
  return new AppError('redis-unavailable', 'No node of the cache holds this key at the moment.', {
    retryAfterSeconds: 1,
  });
}
