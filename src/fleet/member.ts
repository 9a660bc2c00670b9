// This instance as a member of the fleet: it enters the registry when it is connected, and answers roll calls.

import type { Clock } from '../util/clock.ts';
import type { Redis } from '../redis/redis.ts';
import type { Emit } from '../telemetry/events.ts';
import type { Announcement } from './messages.ts';
import type { Registry, Subscription } from './registry.ts';
import { Reporter, type ReporterOptions } from './reporter.ts';
import { checkSelf, type SelfCheckOptions } from './self-check.ts';

export interface FleetMemberOptions extends ReporterOptions, SelfCheckOptions {
  readonly registry: Registry;
  readonly redis: Pick<Redis, 'settled' | 'status'>;
  readonly keeper: ReporterOptions['keeper'] & SelfCheckOptions['keeper'];
  readonly clock: Clock;
  readonly emit: Emit;
  /** A number in [0, 1). */
  readonly random: () => number;
}

type MemberState =
  | { readonly kind: 'idle' }
  | { readonly kind: 'waiting'; readonly cancel: () => void }
  | { readonly kind: 'answering' }
  | { readonly kind: 'left' };

// However many announcements come, forged or not, an instance answers once a second at most and remembers a few.
const minAnswerIntervalMs = 1000;
const maxPending = 16;
const reportLimitMs = 5000;
const joinLimitMs = 30_000;
const joinRetryMs = 30_000;
const leaveLimitMs = 1000;

export class FleetMember {
  readonly #options: FleetMemberOptions;
  readonly #reporter: Reporter;
  readonly #subscription: Subscription;
  /** The roll calls that the next answer is for. */
  readonly #pending = new Set<string>();
  #state: MemberState = { kind: 'idle' };
  #lastAnswerAtMs = Number.NEGATIVE_INFINITY;
  #cancelJoin = (): void => {};

  /** Listens at once, and enters the registry as soon as there is a connection. */
  constructor(options: FleetMemberOptions) {
    this.#options = options;
    this.#reporter = new Reporter(options);
    this.#subscription = options.registry.onAnnouncement((announcement) =>
      this.#onAnnouncement(announcement),
    );
    void this.#join();
  }

  /** Leaves the registry, so that the next roll call does not wait for this instance. Never rejects. */
  async leave(): Promise<void> {
    if (this.#state.kind === 'left') return;
    if (this.#state.kind === 'waiting') this.#state.cancel();
    this.#state = { kind: 'left' };
    this.#cancelJoin();
    this.#subscription.stop();
    const { redis, clock } = this.#options;
    if (redis.status().state !== 'ready') return;
    await this.#reporter.leave(clock.nowMs() + leaveLimitMs).catch(() => {});
  }

  async #join(): Promise<void> {
    const { clock } = this.#options;
    const deadlineAtMs = clock.nowMs() + joinLimitMs;
    try {
      // Whoever is in the registry is expected to answer, so it must hear first.
      await this.#subscription.ready(deadlineAtMs);
      if (this.#hasLeft) return;
      await this.#reporter.report({ rotated: false, failure: null }, [], deadlineAtMs);
    } catch {
      // A roll call would enter this instance as well; until then the fleet page would not show it.
      if (!this.#hasLeft) this.#cancelJoin = clock.after(joinRetryMs, () => void this.#join());
    }
  }

  #onAnnouncement({ id, spreadMs, expected }: Announcement): void {
    const { emit, random } = this.#options;
    if (expected !== undefined) emit({ type: 'rollCallHeard', expected });
    if (this.#pending.size >= maxPending) return;
    this.#pending.add(id);
    if (this.#state.kind === 'idle') this.#answerAfter(random() * spreadMs);
  }

  #answerAfter(delayMs: number): void {
    const { clock } = this.#options;
    const minDelayMs = this.#lastAnswerAtMs + minAnswerIntervalMs - clock.nowMs();
    const cancel = clock.after(Math.max(delayMs, minDelayMs), () => void this.#answer());
    this.#state = { kind: 'waiting', cancel };
  }

  async #answer(): Promise<void> {
    const { clock } = this.#options;
    this.#state = { kind: 'answering' };
    this.#lastAnswerAtMs = clock.nowMs();
    const rollCallIds = [...this.#pending];
    this.#pending.clear();
    try {
      const check = await checkSelf(this.#options);
      // An instance that has left meanwhile must not enter the registry again.
      if (this.#hasLeft) return;
      await this.#reporter.report(check, rollCallIds, clock.nowMs() + reportLimitMs);
    } catch {
      // The roll call names this instance as silent; the lost connection has an event of its own.
    }
    if (this.#hasLeft) return;
    this.#state = { kind: 'idle' };
    if (this.#pending.size > 0) this.#answerAfter(0);
  }

  get #hasLeft(): boolean {
    return this.#state.kind === 'left';
  }
}
