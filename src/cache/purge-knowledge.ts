// What one instance knows of the order of purges: the rules, up to which place, and how long purges are remembered.

import type { ClockReading } from '../util/clock.ts';
import type { HeldOrder, PurgeAnswer, PurgeQuestion } from './purge-order.ts';
import { PurgeRules } from './purge-rules.ts';

// Between a write that is put off and its answer; and what two clocks may differ by.
const horizonMarginMs = 10_000;

export class PurgeKnowledge {
  readonly rules = new PurgeRules();
  readonly #clock: Pick<ClockReading, 'nowMs'>;
  #place = 0;
  #epoch = '';
  /** Purges are remembered as long as what is kept until then. */
  #keptUntilMs = 0;
  /** What has been stored is kept until then: where that could not be told, it is told with the next question. */
  #neededUntilMs = 0;

  constructor(clock: Pick<ClockReading, 'nowMs'>) {
    this.#clock = clock;
  }

  /** The latest one. */
  get place(): number {
    return this.#place;
  }

  /** Whether it has been told which rules there are, and has told what only it knew. */
  get isWhole(): boolean {
    return this.#epoch !== '';
  }

  /** Until when what is stored now for `keptMs` needs purges to be remembered; undefined where they are. */
  need(keptMs: number): number | undefined {
    const untilMs = this.#clock.nowMs() + keptMs + horizonMarginMs;
    if (this.remembers(untilMs)) return undefined;
    this.#neededUntilMs = Math.max(this.#neededUntilMs, untilMs);
    return untilMs;
  }

  remembers(untilMs: number): boolean {
    return untilMs <= this.#keptUntilMs;
  }

  question(instance: string, leaseMs: number, wantsRules: boolean): PurgeQuestion {
    const leftMs = this.#neededUntilMs - this.#clock.nowMs();
    return {
      known: this.#place,
      epoch: this.#epoch,
      instance,
      leaseMs,
      keptMs: this.remembers(this.#neededUntilMs) ? 0 : Math.max(leftMs + horizonMarginMs, 0),
      wantsRules,
    };
  }

  /** Whether an answer without rules tells of some that are not known. */
  misses({ epoch, place }: PurgeAnswer): boolean {
    return epoch !== this.#epoch || place > this.#place;
  }

  /** What this instance knows and Redis does not; undefined where that is nothing. */
  lost({ epoch, place, horizonMs, floor, rules }: PurgeAnswer): HeldOrder | undefined {
    if (epoch === this.#epoch) return undefined;
    const nowMs = this.#clock.nowMs();
    const places = new Map(rules.map((rule) => [rule.id, rule.place]));
    const missing = this.rules.all(nowMs).filter((rule) => rule.place > (places.get(rule.id) ?? 0));
    const keptMs = this.#keptUntilMs - nowMs;
    const isLost =
      missing.length > 0 ||
      place < this.#place ||
      floor < this.rules.floor ||
      horizonMs + horizonMarginMs < keptMs;
    if (!isLost) return undefined;
    return { known: this.#place, horizonMs: Math.max(keptMs, 0), floor: this.rules.floor, rules: missing };
  }

  /**
   * @param isWhole whether nothing has to be restored.
   * @returns how many rules are new, or have moved.
   */
  adopt({ place, epoch, horizonMs, floor, rules }: PurgeAnswer, isWhole: boolean, askedAtMs: number): number {
    const nowMs = this.#clock.nowMs();
    this.#epoch = isWhole ? epoch : '';
    const changes = this.rules.add(rules, nowMs);
    this.rules.raiseFloor(floor);
    this.rules.drop(nowMs);
    this.#place = Math.max(this.#place, place);
    this.#keptUntilMs = Math.max(this.#keptUntilMs, askedAtMs + horizonMs);
    return changes;
  }
}
