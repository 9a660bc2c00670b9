// What one connection knows of the keys that were read on it: whether it hears of their changes, and up to when it has.

import { ReplyError } from './reply-error.ts';

/** A key that nobody else knows, which is read and changed to see whether the change is heard. */
export interface Probe {
  readonly key: string;
  /** Whether it has been read already, the last time: then all that has been read since is still tracked as well. */
  readonly isRead: boolean;
}

export interface TrackerOptions {
  /** Whether Redis has agreed to say which keys change. */
  readonly isTracking: boolean;
  /** Resolves when a PING was answered by the deadline. */
  readonly ping: (deadlineAtMs: number) => Promise<unknown>;
  /**
   * Reads the key unless it has been read, changes it, and reads it again; resolves when all was answered by the
   * deadline.
   */
  readonly change: (probe: Probe, deadlineAtMs: number) => Promise<unknown>;
  /**
   * Redis has agreed to say of changes, and said nothing of one: what was read on this connection may have changed.
   * @param isDeaf whether it is given up.
   */
  readonly onUnheard: (isDeaf: boolean) => void;
}

interface Question {
  readonly kind: 'asked';
  readonly key: string;
  readonly askedAtMs: number;
  /** Changes before this one that were not heard. */
  readonly unheard: number;
  /** Whether the last one was heard. */
  readonly hears: boolean;
  isAnswered: boolean;
}

type Hearing =
  | { readonly kind: 'unknown'; readonly askFromMs: number }
  | Question
  | { readonly kind: 'hears'; readonly probe: Probe; readonly untilMs: number }
  | { readonly kind: 'deaf' };

const pingAfterMs = 1000;
// A link may carry nothing any more in one direction, without an end: what it has not said for this long may be wrong.
const trustedForMs = 2000;
// What stands between may lose its own connection to Redis, with all that was tracked there, and keep this one.
const heardForMs = 60_000;
const askedAgainAfterMs = 1000;
// Once may be a failover at a bad moment.
const unheardToBeDeaf = 2;

export class Tracker {
  readonly #options: TrackerOptions;
  #isLive = true;
  #heardUpToMs = Number.NEGATIVE_INFINITY;
  #isPinging = false;
  #hearing: Hearing = { kind: 'unknown', askFromMs: Number.NEGATIVE_INFINITY };

  constructor(options: TrackerOptions) {
    this.#options = options;
  }

  /** Whether Redis has agreed to say which keys change, as far as is known. */
  get isTracking(): boolean {
    return this.#options.isTracking && this.#hearing.kind !== 'deaf';
  }

  /** Whether it does: the change of a key was heard on this connection. */
  get hears(): boolean {
    const hearing = this.#hearing;
    return hearing.kind === 'hears' || (hearing.kind === 'asked' && hearing.hears);
  }

  get isLive(): boolean {
    return this.#isLive;
  }

  /** The connection has ended, or is being left. */
  end(): void {
    this.#isLive = false;
  }

  /**
   * A command was answered. Replies come in order: all that changed before the command was sent has been heard. When
   * the reply was read says less, since it may have waited.
   */
  answered(sentAtMs: number): void {
    this.#heardUpToMs = Math.max(this.#heardUpToMs, sentAtMs);
  }

  /** Redis says that a key has changed, and tracks it no more; undefined for all keys. */
  heard(changed: string | undefined): void {
    const hearing = this.#hearing;
    if (hearing.kind === 'asked' && (changed === undefined || changed === hearing.key)) {
      const probe = { key: hearing.key, isRead: changed !== undefined };
      this.#hearing = { kind: 'hears', probe, untilMs: hearing.askedAtMs + heardForMs };
    } else if (hearing.kind === 'hears' && (changed === undefined || changed === hearing.probe.key)) {
      this.#hearing = { ...hearing, probe: { ...hearing.probe, isRead: false } };
    }
  }

  /**
   * Finds out whether changes are heard, where that is not known.
   * @param keyOf names a key of nobody else's in a slot that the connection serves.
   */
  listen(nowMs: number, keyOf: () => string): void {
    if (!this.#options.isTracking || !this.#isLive) return;
    this.#judge(nowMs);
    const hearing = this.#hearing;
    if (hearing.kind !== 'unknown' || nowMs < hearing.askFromMs) return;
    void this.#ask({ key: keyOf(), isRead: false }, nowMs);
  }

  /** Whether all that has changed up to 2 s ago has been heard; asks again where that was known 1 s ago. */
  isCurrent(nowMs: number): boolean {
    const agoMs = nowMs - this.#heardUpToMs;
    if (agoMs > pingAfterMs && this.#isLive && !this.#isPinging) void this.#ping(nowMs);
    this.#judge(nowMs);
    return this.#isLive && this.hears && agoMs <= trustedForMs;
  }

  /** What was heard holds for a minute; a change that was answered and not heard of is waited for no longer. */
  #judge(nowMs: number): void {
    const hearing = this.#hearing;
    if (!this.#isLive) return;
    if (hearing.kind === 'hears' && nowMs >= hearing.untilMs) {
      void this.#ask(hearing.probe, nowMs, { hears: true });
      return;
    }
    if (hearing.kind !== 'asked' || !hearing.isAnswered || nowMs <= hearing.askedAtMs + trustedForMs) return;
    const unheard = hearing.unheard + 1;
    const isDeaf = unheard >= unheardToBeDeaf;
    if (isDeaf) this.#hearing = { kind: 'deaf' };
    else void this.#ask({ key: hearing.key, isRead: false }, nowMs, { unheard });
    this.#options.onUnheard(isDeaf);
  }

  /** Never rejects. */
  async #ask(
    probe: Probe,
    askedAtMs: number,
    { hears = false, unheard = 0 }: Partial<Pick<Question, 'hears' | 'unheard'>> = {},
  ): Promise<void> {
    const { key } = probe;
    const question: Question = { kind: 'asked', key, askedAtMs, unheard, hears, isAnswered: false };
    this.#hearing = question;
    try {
      // After the read that is about to be sent: ASKING is for the next command alone.
      await Promise.resolve();
      await this.#options.change(probe, askedAtMs + trustedForMs);
      question.isAnswered = true;
    } catch (error) {
      if (this.#hearing === question) this.#hearing = this.#notFound(probe, question, error);
    }
  }

  /** It could not be found out. */
  #notFound(probe: Probe, { askedAtMs, hears }: Question, error: unknown): Hearing {
    const reply = error instanceof ReplyError ? error.reply.kind : undefined;
    const nextMs = askedAtMs + heardForMs;
    // The slot is elsewhere now: with another key.
    const needsOther = reply === 'moved' || reply === 'ask';
    // Redis is full, say, and takes no writes: just then it is to be asked no more than before.
    if (hears && !needsOther) return { kind: 'hears', probe, untilMs: nextMs };
    return { kind: 'unknown', askFromMs: reply === 'refused' ? nextMs : askedAtMs + askedAgainAfterMs };
  }

  /** Never rejects: what a missing answer means for the connection is its own matter. */
  async #ping(nowMs: number): Promise<void> {
    this.#isPinging = true;
    try {
      await this.#options.ping(nowMs + trustedForMs);
      this.answered(nowMs);
    } catch {
      // Whoever asks goes to Redis meanwhile.
    } finally {
      this.#isPinging = false;
    }
  }
}
