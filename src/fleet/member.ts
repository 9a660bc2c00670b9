// This instance as a member of the fleet: reports when it joins, and answers roll calls. Used by parts.ts.
// Knows nothing of who announces, and does no more for an announcement than check itself.

import type { TokenKeeper } from '../auth/token-keeper.ts';
import { delay, type Clock } from '../util/clock.ts';
import type { Redis } from '../redis/redis.ts';
import type { Emit } from '../telemetry/events.ts';
import { parseAnnouncement, type Report } from './messages.ts';
import type { Roster } from './registry.ts';

/** What does not change while the instance runs. */
export interface InstanceIdentity {
  readonly id: string;
  readonly startedAtMs: number;
  readonly version: string;
  readonly region: string | null;
  readonly host: string | null;
}

export interface FleetMemberOptions {
  readonly identity: InstanceIdentity;
  readonly roster: Roster;
  readonly redis: Redis;
  readonly keeper: TokenKeeper;
  readonly clock: Clock;
  readonly emit: Emit;
  /** A number in [0, 1). */
  readonly random: () => number;
  /** Keys read over HTTP since the start. */
  readonly readCount: () => number;
}

// However many announcements come, forged or not, an instance answers once a second at most and remembers a few.
const leastPauseMs = 1000;
const maxPending = 16;
const timeLimitMs = 5000;
// Below the announcer's grace of 3 s: who takes longer is to be heard as failing, not missed as silent.
const checkLimitMs = 2000;
const joinRetryMs = 30_000;

export class FleetMember {
  readonly #options: FleetMemberOptions;
  /** Roll calls to answer next. */
  readonly #pending = new Set<string>();
  #state: 'idle' | 'waiting' | 'answering' | 'left' = 'idle';
  #lastAnswerAtMs = Number.NEGATIVE_INFINITY;
  #reported = { reads: 0, reauthenticated: 0, reauthenticationsFailed: 0 };
  #stopListening = (): void => {};

  constructor(options: FleetMemberOptions) {
    this.#options = options;
  }

  get id(): string {
    return this.#options.identity.id;
  }

  /** Listens, and enters itself into the roster as soon as there is a connection. */
  start(): void {
    const { redis, roster } = this.#options;
    this.#stopListening = redis.subscribe(roster.announcements, (message) => this.#hear(message));
    void this.#join();
  }

  /** Leaves the roster, so that the next roll call does not wait for an instance that ended in order. */
  async leave(): Promise<void> {
    if (this.#state === 'left') return;
    this.#state = 'left';
    this.#stopListening();
    const { redis, roster, clock } = this.#options;
    if (redis.status().state !== 'ready') return;
    await roster.leave(this.id, clock.nowMs() + 1000).catch(() => {});
  }

  async #join(): Promise<void> {
    const { clock, redis, roster } = this.#options;
    const deadlineAtMs = clock.nowMs() + joinRetryMs;
    try {
      // A report says what is, and who is in the roster is expected to hear: of connections that there are.
      await redis.listening(roster.announcements, deadlineAtMs);
      if (this.#state === 'left') return;
      await this.#send(false, null, [], deadlineAtMs);
    } catch {
      // A roll call would find it as well; this is for the page to show it before the first.
      if (this.#state !== 'left') clock.after(joinRetryMs, () => void this.#join());
    }
  }

  #hear(message: string): void {
    const announcement = parseAnnouncement(message);
    if (announcement === undefined || this.#state === 'left') return;
    const { id, spreadMs, expected } = announcement;
    if (expected !== undefined) this.#options.emit({ type: 'rollCallHeard', expected });
    if (this.#pending.size >= maxPending) return;
    this.#pending.add(id);
    if (this.#state === 'idle') this.#answerAfter(this.#options.random() * spreadMs);
  }

  #answerAfter(delayMs: number): void {
    const { clock } = this.#options;
    this.#state = 'waiting';
    const earliestMs = this.#lastAnswerAtMs + leastPauseMs - clock.nowMs();
    clock.after(Math.max(delayMs, earliestMs), () => void this.#answer());
  }

  async #answer(): Promise<void> {
    if (this.#state !== 'waiting') return;
    const { clock } = this.#options;
    this.#state = 'answering';
    this.#lastAnswerAtMs = clock.nowMs();
    const answered = [...this.#pending];
    this.#pending.clear();
    try {
      const { rotated, failure } = await this.#check();
      // An instance that has left meanwhile must not enter itself again.
      if (this.#state !== 'answering') return;
      await this.#send(rotated, failure, answered, clock.nowMs() + timeLimitMs);
    } catch {
      // Whoever called the roll names this instance silent; the loss of the connection has its own event.
    }
    this.#rest();
  }

  /** Renews what is due. What has not ended in time goes on, and is told as a failure. */
  async #check(): Promise<Pick<Report, 'rotated' | 'failure'>> {
    const { clock, keeper, redis } = this.#options;
    const late = delay(clock, checkLimitMs).then(() => 'late' as const);
    const renewal = await Promise.race([keeper.renewIfDue(), late]);
    if (renewal === 'late') {
      const reason = `The renewal has not ended yet. ${keeper.status().lastFailure ?? ''}`;
      return { rotated: false, failure: shortened(reason) };
    }
    const rotated = renewal.kind === 'rotated';
    const isLate = (await Promise.race([redis.settled(), late])) === 'late';
    if (renewal.kind === 'failed') return { rotated, failure: shortened(renewal.reason) };
    return { rotated, failure: isLate ? 'A connection is not authenticated with the new token yet.' : null };
  }

  /** After an answer: the next one where more has been heard meanwhile. */
  #rest(): void {
    if (this.#state !== 'answering') return;
    this.#state = 'idle';
    if (this.#pending.size > 0) this.#answerAfter(0);
  }

  async #send(
    rotated: boolean,
    failure: string | null,
    rollCallIds: readonly string[],
    deadlineAtMs: number,
  ): Promise<void> {
    const { identity, roster, keeper, redis, readCount } = this.#options;
    const token = keeper.status();
    const { connections, reauthenticated, reauthenticationsFailed } = redis.status();
    const totals = { reads: readCount(), reauthenticated, reauthenticationsFailed };
    const since = this.#reported;
    const report: Report = {
      ...identity,
      tokenExpiresAtMs: token.expiresAtMs ?? null,
      tokenLeftMs: token.timeLeftMs ?? null,
      lastRotationAtMs: token.lastRotationAtMs ?? null,
      connections,
      rotated,
      failure,
      reauthenticated: totals.reauthenticated - since.reauthenticated,
      reauthenticationsFailed: totals.reauthenticationsFailed - since.reauthenticationsFailed,
      reads: totals.reads - since.reads,
    };
    await roster.report(report, rollCallIds, deadlineAtMs);
    this.#reported = totals;
  }
}

function shortened(reason: string): string {
  return reason.slice(0, 200).trimEnd();
}
