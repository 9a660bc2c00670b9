// The Redis port over a single endpoint: Azure's policies EnterpriseCluster and NoCluster, and its classic caches.
// Notices when the cache has slots after all.

import { AppError } from '../util/errors.ts';
import type { Emit } from '../telemetry/events.ts';
import type { RedisClient } from './handshake.ts';
import type { NodeCall, RedisNode } from './node.ts';
import { nextStep, wrongClusteringPolicy } from './redirect.ts';
import type { KeyOutcome, Redis, RedisStatus } from './redis.ts';
import type { ClientTracking, Tracking } from './tracking.ts';

export interface StandaloneRedisOptions {
  readonly node: RedisNode;
  readonly emit: Emit;
  readonly tracking: ClientTracking;
  /** What REDIS_CLUSTERING_POLICY says, for a message. */
  readonly policy: string;
}

export class StandaloneRedis implements Redis {
  readonly tracking: Tracking;
  readonly #node: RedisNode;
  readonly #emit: Emit;
  readonly #policy: string;
  /** Stays until somebody changes the setting, and with it restarts the app. */
  #wrongPolicy: AppError | undefined;

  constructor({ node, emit, tracking, policy }: StandaloneRedisOptions) {
    this.#node = node;
    this.#emit = emit;
    this.#policy = policy;
    this.tracking = {
      listen: (onChanged) => tracking.listen(onChanged),
      of: (client) => tracking.of(client),
      slotOf: () => 0,
      serving: () => node.tracker,
    };
  }

  start(): void {
    this.#node.start();
  }

  run<T>(work: (client: RedisClient) => Promise<T>, options: NodeCall): Promise<T> {
    // Otherwise the keys that happen to be on the node behind the endpoint would work, and hide the fault.
    if (this.#wrongPolicy !== undefined) return Promise.reject(this.#wrongPolicy);
    return this.#node.run(work, options, this.#onFailure);
  }

  async runMany<T>(
    keys: readonly string[],
    work: (client: RedisClient, keys: readonly string[]) => Promise<readonly T[]>,
    options: NodeCall,
  ): Promise<readonly KeyOutcome<T>[]> {
    try {
      const values = await this.run((client) => work(client, keys), options);
      return values.map((value) => ({ ok: true, value }));
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      return keys.map(() => ({ ok: false, error }));
    }
  }

  async ping(deadlineAtMs: number): Promise<void> {
    await this.run((client) => client.ping(), { deadlineAtMs, idempotent: true });
  }

  status(): RedisStatus {
    const status = this.#node.status();
    return { ...status, lastFailure: this.#wrongPolicy?.message ?? status.lastFailure };
  }

  settled(): Promise<void> {
    return this.#node.settled();
  }

  subscribe(channel: string, listener: (message: string) => void): () => void {
    let isStopped = false;
    const stop = this.#node.subscribe(channel, (message) => {
      if (!isStopped) listener(message);
    });
    return () => {
      isStopped = true;
      stop();
    };
  }

  listening(channel: string, deadlineAtMs: number): Promise<void> {
    return this.#node.listening(channel, deadlineAtMs);
  }

  hearing(channel: string): object | undefined {
    return this.#node.hearing(channel);
  }

  close(): Promise<void> {
    return this.#node.close();
  }

  readonly #onFailure = (error: unknown): never => {
    throw error instanceof AppError ? this.#explain(error) : error;
  };

  #explain(error: AppError): AppError {
    const { kind } = nextStep(error, '');
    if (kind !== 'moved' && kind !== 'ask') return error;
    if (this.#wrongPolicy === undefined) {
      const seen = 'the cache is a cluster: it answered that another of its nodes holds the key';
      this.#wrongPolicy = wrongClusteringPolicy(this.#policy, seen, 'OSSCluster', error);
      this.#emit({ type: 'clusteringPolicyWrong', reason: this.#wrongPolicy.message });
    }
    return this.#wrongPolicy;
  }
}
