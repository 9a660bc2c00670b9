// Hears of purges, and answers when this instance has taken them in.

import type { Clock } from '../util/clock.ts';
import { AppError } from '../util/errors.ts';
import type { PurgeOrder } from './purge-order.ts';

export interface PurgeAnnouncementsOptions {
  readonly order: Pick<PurgeOrder, 'onAnnouncement' | 'acknowledge'>;
  readonly instance: () => string;
  readonly clock: Clock;
  /** Called for each, before anything is asked. */
  readonly onHeard: () => void;
  /** Asks for what was announced; whether that was answered. */
  readonly adopt: (deadlineAtMs: number) => Promise<boolean>;
}

// However many come, forged or not.
const mostPending = 256;
const limitMs = 2000;

export class PurgeAnnouncements {
  readonly #options: PurgeAnnouncementsOptions;
  readonly #pending = new Set<string>();
  #state: 'idle' | 'listening' | 'answering' | 'stopped' = 'idle';
  #stop = (): void => {};

  constructor(options: PurgeAnnouncementsOptions) {
    this.#options = options;
  }

  /** Listens from now on: not before somebody reads or writes, for it takes a connection of its own. */
  start(): void {
    if (this.#state !== 'idle') return;
    this.#state = 'listening';
    this.#stop = this.#options.order.onAnnouncement((announcement) => {
      this.#options.onHeard();
      if (this.#pending.size < mostPending) this.#pending.add(announcement);
      if (this.#state === 'listening') void this.#answer();
    });
  }

  stop(): void {
    this.#state = 'stopped';
    this.#stop();
  }

  /** Never rejects: what is not answered has been heard all the same, and the next read asks. */
  async #answer(): Promise<void> {
    const { adopt, clock, order, instance } = this.#options;
    this.#state = 'answering';
    while (this.#pending.size > 0) {
      const announcements = [...this.#pending];
      this.#pending.clear();
      const deadlineAtMs = clock.nowMs() + limitMs;
      try {
        if (!(await adopt(deadlineAtMs))) continue;
        await Promise.all(announcements.map((one) => order.acknowledge(one, instance(), deadlineAtMs)));
      } catch (error) {
        if (!(error instanceof AppError)) break;
      }
    }
    if (!this.#isStopped) this.#state = 'listening';
  }

  get #isStopped(): boolean {
    return this.#state === 'stopped';
  }
}
