// The order of purges in Redis: four keys in one slot, and Pub/Sub channels beside them.

import { randomUUID } from 'node:crypto';
import { ownName } from '../redis/own-name.ts';
import type { Redis } from '../redis/redis.ts';
import { AppError } from '../util/errors.ts';
import type {
  Acknowledgements,
  HeldOrder,
  Placement,
  PurgeAnswer,
  PurgeOrder,
  PurgeQuestion,
} from './purge-order.ts';
import type { PurgeRule } from './purge-rules.ts';
import { askScript, placeScript, restoreScript } from './purge-scripts.ts';

type OrderRedis = Pick<Redis, 'run' | 'subscribe' | 'listening' | 'hearing' | 'tracking'>;

// Whoever may use the cache may publish anything.
const isIdentity = (text: string): boolean => /^[\w.-]{1,64}$/u.test(text);

export class RedisPurgeOrder implements PurgeOrder {
  readonly #redis: OrderRedis;
  readonly #prefix: string;
  readonly #keys: string[];
  readonly #announcements: string;

  constructor(redis: OrderRedis, namespace: string) {
    this.#redis = redis;
    this.#prefix = ownName(namespace, '{purges}');
    this.#keys = ['state', 'rules', 'ends', 'leases'].map((name) => `${this.#prefix}:${name}`);
    this.#announcements = `${this.#prefix}:announcements`;
  }

  async ask(question: PurgeQuestion, deadlineAtMs: number): Promise<PurgeAnswer> {
    const { known, epoch, leaseMs, keptMs, instance, wantsRules } = question;
    const parameters = [`${known}`, epoch, instance, `${leaseMs}`, `${keptMs}`, wantsRules ? '1' : '0'];
    const [place, itsEpoch, horizonMs, floor, lease, ...rules] = listOf(
      await this.#eval(askScript, parameters, deadlineAtMs),
    );
    return {
      place: Number(place),
      epoch: String(itsEpoch),
      horizonMs: Number(horizonMs),
      floor: Number(floor),
      hasLease: lease === 1,
      rules: rulesOf(rules),
    };
  }

  /** The script and the announcement in one round trip. */
  async place(
    announcement: string,
    ids: readonly string[],
    known: number,
    deadlineAtMs: number,
  ): Promise<Placement> {
    const [reply, receivers] = await this.#redis.run(
      (client) =>
        Promise.all([
          client.eval(placeScript, { keys: this.#keys, arguments: [randomUUID(), `${known}`, ...ids] }),
          client.publish(this.#announcements, announcement),
        ]),
      { key: this.#prefix, deadlineAtMs, idempotent: true },
    );
    const [kind, place, atMs, isWhole, ...leases] = listOf(reply);
    if (kind === 'full') return { kind, retryAfterMs: Number(place) };
    if (kind !== 'placed') throw unknownAnswer();
    return {
      kind,
      place: Number(place),
      atMs: Number(atMs),
      receivers,
      leases: isWhole === 1 ? leases.map(String) : undefined,
    };
  }

  async restore({ known, horizonMs, floor, rules }: HeldOrder, deadlineAtMs: number): Promise<void> {
    const held = rules.flatMap(({ id, place, leftMs }) => [id, `${place}`, `${Math.round(leftMs)}`]);
    const parameters = [`${known}`, `${Math.round(horizonMs)}`, `${floor}`, ...held];
    await this.#eval(restoreScript, parameters, deadlineAtMs);
  }

  onAnnouncement(listener: (announcement: string) => void): () => void {
    return this.#redis.subscribe(this.#announcements, (message) => {
      if (isIdentity(message)) listener(message);
    });
  }

  asking(): object | undefined {
    const { tracking } = this.#redis;
    return tracking.serving(tracking.slotOf(this.#prefix));
  }

  hearing(): object | undefined {
    return this.#redis.hearing(this.#announcements);
  }

  onAcknowledgement(announcement: string, listener: (instance: string) => void): Acknowledgements {
    const channel = this.#acknowledgementsOf(announcement);
    const stop = this.#redis.subscribe(channel, (message) => {
      if (isIdentity(message)) listener(message);
    });
    return { ready: (deadlineAtMs) => this.#redis.listening(channel, deadlineAtMs), stop };
  }

  async acknowledge(announcement: string, instance: string, deadlineAtMs: number): Promise<void> {
    await this.#redis.run((client) => client.publish(this.#acknowledgementsOf(announcement), instance), {
      key: this.#prefix,
      deadlineAtMs,
      idempotent: true,
    });
  }

  #acknowledgementsOf(announcement: string): string {
    return `${this.#prefix}:acknowledgements:${announcement}`;
  }

  #eval(script: string, parameters: readonly string[], deadlineAtMs: number): Promise<unknown> {
    return this.#redis.run(
      (client) => client.eval(script, { keys: this.#keys, arguments: [randomUUID(), ...parameters] }),
      { key: this.#prefix, deadlineAtMs, idempotent: true },
    );
  }
}

function listOf(reply: unknown): readonly unknown[] {
  if (!Array.isArray(reply)) throw unknownAnswer();
  return reply;
}

function rulesOf(reply: readonly unknown[]): readonly PurgeRule[] {
  const rules: PurgeRule[] = [];
  for (let at = 0; at + 2 < reply.length; at += 3) {
    const [id, place, leftMs] = reply.slice(at, at + 3);
    rules.push({ id: String(id), place: Number(place), leftMs: Number(leftMs) });
  }
  return rules;
}

function unknownAnswer(): AppError {
  return new AppError('command-failed', 'The script of the purges gave an unknown answer.');
}
