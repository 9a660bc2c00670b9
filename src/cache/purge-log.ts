// Whether this instance may go by what it knows of the order of purges: it hears each announcement, or was told a moment
// ago; or else it asks before it answers.

import type { Clock } from '../util/clock.ts';
import { fulfilledWithin } from '../util/deadline.ts';
import { AppError } from '../util/errors.ts';
import type { Emit } from '../telemetry/events.ts';
import type { EntryHead } from './entry.ts';
import { PurgeAnnouncements } from './purge-announcements.ts';
import { callPurge, type PurgeOutcome } from './purge-call.ts';
import { PurgeKnowledge } from './purge-knowledge.ts';
import type { PurgeAnswer, PurgeOrder } from './purge-order.ts';
import type { Judgement } from './purge-rules.ts';
import type { PurgeStanding } from './purge-standing.ts';

export interface PurgeLogOptions {
  readonly order: PurgeOrder;
  /** Of this instance, as it is named to whoever purges. */
  readonly instance: () => string;
  readonly clock: Clock;
  readonly emit: Emit;
}

/** A purge waits as long for instances that may go on without asking: whatever they miss, they ask within it. */
export const leaseMs = 1500;
const confirmAfterMs = 750;
const unreachableForMs = 1000;
// What an answer may come later than one to a command that was sent after it.
const graceMs = 250;
const askLimitMs = 2000;
const mostRestores = 3;

export class PurgeLog {
  readonly #options: PurgeLogOptions;
  readonly #knowledge: PurgeKnowledge;
  readonly #listeners: (() => void)[] = [];
  readonly #announcements: PurgeAnnouncements;
  #standing: PurgeStanding = { kind: 'unasked' };
  /** Questions on their way that bring all rules. */
  #bringingAll = 0;
  #heard = 0;
  /** Sent in this turn: whoever asks in it shares it. */
  #thisTurn: Promise<boolean> | undefined;
  readonly #askedOn = new WeakMap<Promise<boolean>, object>();
  #confirming = false;
  #raising: Promise<unknown> | undefined;

  constructor(options: PurgeLogOptions) {
    this.#options = options;
    this.#knowledge = new PurgeKnowledge(options.clock);
    this.#announcements = new PurgeAnnouncements({
      ...options,
      onHeard: () => void (this.#heard += 1),
      adopt: (deadlineAtMs) => this.#asked(deadlineAtMs),
    });
  }

  /**
   * The latest place that is known: that of what is written now, and of a load that begins now. Whoever reads before has
   * asked; an earlier place than there is makes a load older than it is, and no purge is missed by that.
   */
  get known(): number {
    return this.#knowledge.place;
  }

  /** Whether there is no rule that an entry could be older than. */
  get isEmpty(): boolean {
    return this.#knowledge.rules.last === 0;
  }

  /** Whether the place of the purges answered when it was last asked: if not, nobody says what is in memory has been purged. */
  get isReachable(): boolean {
    return this.#standing.kind !== 'unreachable';
  }

  /**
   * Undefined where what is known may be gone by. Otherwise it is asked for, in this turn, so that no command that is
   * issued after this call is answered before; resolves when it is there, or cannot be had. Never rejects.
   */
  confirm(deadlineAtMs: number): Promise<boolean> | undefined {
    const { clock } = this.#options;
    this.#announcements.start();
    const standing = this.#standing;
    const nowMs = clock.nowMs();
    switch (standing.kind) {
      case 'told': {
        const { askedAtMs, hearing, heard } = standing;
        const isHeard =
          hearing !== undefined && heard === this.#heard && hearing === this.#options.order.hearing();
        if (!isHeard || nowMs >= askedAtMs + leaseMs) return this.#asked(deadlineAtMs);
        if (nowMs >= askedAtMs + confirmAfterMs) this.#confirmSoon();
        return undefined;
      }
      case 'unreachable':
        if (nowMs >= standing.sinceMs + unreachableForMs) return this.#asked(deadlineAtMs);
        // There is another one: what was missed is asked for before anything that is read on it is served.
        if (standing.asked !== this.#options.order.asking()) return this.#asked(deadlineAtMs);
        this.#confirmSoon();
        return undefined;
      case 'unasked':
        return this.#asked(deadlineAtMs);
    }
  }

  /**
   * Waits for what `confirm` returned, when a command of the same turn has been answered: on one connection it is there
   * then. Where Redis has several nodes, the one that knows the purges may be away, and the entries go on without: it is
   * asked all the time, and each answer is judged by what is known when it comes.
   * @returns whether it was there.
   */
  async confirmed(asking: Promise<boolean>, deadlineAtMs: number): Promise<boolean> {
    const { clock } = this.#options;
    let last = asking;
    let isThere = await this.#within(last);
    // The connection may have been lost under the one and not under the other.
    if (isThere === false && clock.nowMs() < deadlineAtMs) {
      last = this.#asked(deadlineAtMs);
      isThere = await this.#within(last);
    }
    if (isThere !== true)
      this.#standing = { kind: 'unreachable', sinceMs: clock.nowMs(), asked: this.#askedOn.get(last) };
    return isThere === true;
  }

  /**
   * Before something is stored that is kept for `keptMs`: so long, and longer, every purge from now on is remembered.
   * Undefined where that is known. Never rejects.
   */
  keep(keptMs: number): Promise<unknown> | undefined {
    const untilMs = this.#knowledge.need(keptMs);
    if (untilMs === undefined) return undefined;
    const deadlineAtMs = this.#options.clock.nowMs() + askLimitMs;
    const raising = (this.#raising ?? Promise.resolve()).then(() =>
      this.#knowledge.remembers(untilMs) ? true : this.#ask(deadlineAtMs),
    );
    this.#raising = raising;
    const ended = (): void => {
      if (this.#raising === raising) this.#raising = undefined;
    };
    raising.then(ended, ended);
    return raising;
  }

  /** What the purges after `place` say of an entry. */
  judge(key: string, scope: string, head: EntryHead, place?: number): Judgement {
    return this.#knowledge.rules.judge(key, scope, head, place);
  }

  /** The place of the latest purge that what is remembered of a key could be older than. */
  lastOf(key: string): number {
    return this.#knowledge.rules.lastOf(key);
  }

  /** Called whenever a purge has been taken in. */
  onAdopted(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /**
   * Gives the rules of these ids the next place, and waits for all instances to take that in, no longer than for those
   * that may go on without asking. Never rejects but for a bug.
   * @param onPlaced called when they have it.
   */
  purge(ids: readonly string[], deadlineAtMs: number, onPlaced = (): void => {}): Promise<PurgeOutcome> {
    this.#announcements.start();
    const adopt = (untilMs: number): Promise<boolean> => this.#asked(untilMs);
    const deps = { ...this.#options, leaseMs, known: this.#knowledge.place, onPlaced, adopt };
    return callPurge(deps, ids, deadlineAtMs);
  }

  stop(): void {
    this.#announcements.stop();
  }

  #confirmSoon(): void {
    if (this.#confirming) return;
    this.#confirming = true;
    const ended = (): void => void (this.#confirming = false);
    this.#asked(this.#options.clock.nowMs() + askLimitMs).then(ended, ended);
  }

  #asked(deadlineAtMs: number): Promise<boolean> {
    if (this.#thisTurn === undefined) {
      const on = this.#options.order.asking();
      const asking = this.#ask(deadlineAtMs);
      if (on !== undefined) this.#askedOn.set(asking, on);
      // A bug is told to whoever waits for it, and there may be nobody.
      asking.catch(() => {});
      this.#thisTurn = asking;
      // Commands of one turn leave together, when it ends: later ones may have been begun after a purge was answered.
      setImmediate(() => (this.#thisTurn = undefined));
    }
    return this.#thisTurn;
  }

  /** Whether it was answered. */
  async #ask(deadlineAtMs: number): Promise<boolean> {
    const { order, clock } = this.#options;
    try {
      for (let asked = 0; asked <= mostRestores; asked += 1) {
        const askedAtMs = clock.nowMs();
        const [hearing, heard] = [order.hearing(), this.#heard];
        // At the start they may be many, and are told once, not to each turn until they are there.
        const wantsRules = this.#knowledge.isWhole || this.#bringingAll === 0 || asked > 0;
        const answer = await this.#answerTo(wantsRules, deadlineAtMs);
        if (!wantsRules && this.#knowledge.misses(answer)) continue;
        const lost = this.#knowledge.lost(answer);
        this.#adopt(answer, lost === undefined, askedAtMs);
        if (lost === undefined) {
          const heardOn = answer.hasLease ? hearing : undefined;
          this.#standing = { kind: 'told', askedAtMs, hearing: heardOn, heard };
          return true;
        }
        await order.restore(lost, deadlineAtMs);
      }
      return false;
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      return false;
    }
  }

  async #answerTo(wantsRules: boolean, deadlineAtMs: number): Promise<PurgeAnswer> {
    const { order, instance } = this.#options;
    const bringsAll = wantsRules && !this.#knowledge.isWhole ? 1 : 0;
    this.#bringingAll += bringsAll;
    try {
      const lease = order.hearing() === undefined ? 0 : leaseMs;
      return await order.ask(this.#knowledge.question(instance(), lease, wantsRules), deadlineAtMs);
    } finally {
      this.#bringingAll -= bringsAll;
    }
  }

  #adopt(answer: PurgeAnswer, isWhole: boolean, askedAtMs: number): void {
    const targets = this.#knowledge.adopt(answer, isWhole, askedAtMs);
    if (targets === 0) return;
    this.#options.emit({ type: 'purgeAdopted', targets, rules: this.#knowledge.rules.size });
    for (const listener of this.#listeners) listener();
  }

  /** Undefined where it takes too long. */
  async #within(asking: Promise<boolean>): Promise<boolean | undefined> {
    return (await fulfilledWithin(this.#options.clock, graceMs, asking)) ? await asking : undefined;
  }
}
