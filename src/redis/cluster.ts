// The Redis port over a cluster, Azure's policy OSSCluster: sends each command to the node that holds its slot, follows
// slots that move, and splits what concerns many keys.

import { delay, type Clock } from '../util/clock.ts';
import { AppError } from '../util/errors.ts';
import { groupBy } from '../util/group-by.ts';
import { zip } from '../util/zip.ts';
import type { ClusterNodes } from './cluster-nodes.ts';
import { ClusterSubscriptions } from './cluster-subscriptions.ts';
import type { RedisClient } from './handshake.ts';
import { slotOf } from './key-slot.ts';
import type { NodeCall, RedisNode } from './node.ts';
import { nextStep } from './redirect.ts';
import type { CallOptions, KeyOutcome, Redis, RedisStatus } from './redis.ts';
import type { ClientTracking, Tracking } from './tracking.ts';

export interface ClusterRedisOptions {
  readonly nodes: ClusterNodes;
  readonly tracking: ClientTracking;
  readonly clock: Clock;
}

type Work<T> = (client: RedisClient, keys: readonly string[]) => Promise<readonly T[]>;

// A slot may be on its way more than once; nodes that disagree do not for longer than about a second.
const maxSteps = 16;
const retryAfterMs = 75;

export class ClusterRedis implements Redis {
  readonly tracking: Tracking;
  readonly #nodes: ClusterNodes;
  readonly #clock: Clock;
  readonly #subscriptions: ClusterSubscriptions;

  constructor({ nodes, tracking, clock }: ClusterRedisOptions) {
    this.tracking = {
      listen: (onChanged) => tracking.listen(onChanged),
      of: (client) => tracking.of(client),
      slotOf,
      serving: (slot) => nodes.ownerOf(slot)?.tracker,
    };
    this.#nodes = nodes;
    this.#clock = clock;
    this.#subscriptions = new ClusterSubscriptions(nodes, clock);
  }

  start(): void {
    this.#nodes.start();
  }

  async run<T>(work: (client: RedisClient) => Promise<T>, options: CallOptions): Promise<T> {
    const slot = slotOf(options.key);
    let askedNode: RedisNode | undefined;
    for (let steps = 1; ; steps += 1) {
      await this.#nodes.known(options.deadlineAtMs);
      const node = askedNode ?? this.#nodes.ownerOf(slot);
      try {
        if (node === undefined) throw unserved();
        return await node.run(node === askedNode ? asking(work) : work, options);
      } catch (error) {
        if (!(error instanceof AppError) || steps === maxSteps || this.#nodes.isClosed) throw error;
        askedNode = undefined;
        const step = node === undefined ? ({ kind: 'later' } as const) : nextStep(error, node.hostname);
        switch (step.kind) {
          case 'give-up':
            throw error;
          case 'moved':
            this.#nodes.moveSlot(step.slot, step.to);
            break;
          case 'ask':
            askedNode = this.#nodes.askedNode(step.at);
            break;
          case 'later':
            this.#nodes.refreshSoon();
            await this.#pause(options.deadlineAtMs, error);
            break;
          case 'elsewhere':
            break;
        }
      }
    }
  }

  async runMany<T>(
    keys: readonly string[],
    work: Work<T>,
    options: NodeCall,
  ): Promise<readonly KeyOutcome<T>[]> {
    try {
      await this.#nodes.known(options.deadlineAtMs);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      return keys.map(() => ({ ok: false, error }));
    }
    // A key that is given twice has one outcome.
    const outcomes = new Map<string, KeyOutcome<T>>();
    const groups = groupBy(new Set(keys), (key) => this.#nodes.ownerOf(slotOf(key)));
    const answered = [...groups].map(async ([node, group]) => {
      for (const [key, outcome] of zip(group, await this.#runGroup(node, group, work, options))) {
        outcomes.set(key, outcome);
      }
    });
    await Promise.all(answered);
    return keys.map((key) => outcomes.get(key) ?? { ok: false, error: unserved() });
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

  hearing(channel: string): object | undefined {
    return this.#subscriptions.hearing(channel);
  }

  close(): Promise<void> {
    return this.#nodes.close();
  }

  /** One pipeline to one node; key by key where a slot of the group has moved or cannot be read there. */
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
    if (this.#clock.nowMs() + retryAfterMs >= deadlineAtMs) throw error;
    await delay(this.#clock, retryAfterMs);
  }
}

/**
 * ASKING is for the one command after it (https://redis.io/docs/latest/commands/asking/): both are issued in
 * one turn, so that nothing comes between. Work for one key issues one command a run.
 */
function asking<T>(work: (client: RedisClient) => Promise<T>) {
  return async (client: RedisClient): Promise<T> => {
    const [, result] = await Promise.all([client.sendCommand(['ASKING']), work(client)]);
    return result;
  };
}

function unserved(): AppError {
  return new AppError('redis-unavailable', 'No node of the cache holds this key at the moment.', {
    retryAfterSeconds: 1,
  });
}
