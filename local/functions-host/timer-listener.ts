// Runs one timer function on its schedule, never twice at once. Held to TimerListener.cs and ScheduleMonitor.cs in
// https://github.com/Azure/azure-webjobs-sdk-extensions/tree/dev/src/WebJobs.Extensions/Extensions/Timers

import type { StatusStore } from './status-store.ts';
import type { ScheduleStatus, TimerFunction } from './timers.ts';

/** Time as this file needs it; a test brings its own. */
export interface TimerClock {
  wallMs(): number;
  after(delayMs: number, task: () => void): () => void;
}

export interface TimerListenerOptions {
  readonly timer: TimerFunction;
  readonly store: StatusStore;
  readonly clock: TimerClock;
  /** How much too early a tick fires, in milliseconds: .NET's timers do. */
  readonly earlyMs: () => number;
  /** Resolves at the end of the run, however that was. */
  readonly run: (status: ScheduleStatus, isPastDue: boolean) => Promise<void>;
  /** Told when a status cannot be stored; the schedule goes on. */
  readonly onError: (error: unknown) => void;
}

type Trigger = 'schedule' | 'past due' | 'startup';

export class TimerListener {
  readonly #options: TimerListenerOptions;
  #status: ScheduleStatus | undefined;
  #cancel = (): void => {};
  #isStopped = false;

  constructor(options: TimerListenerOptions) {
    this.#options = options;
  }

  /** Of the last run by the schedule; a run by hand changes nothing. */
  get status(): ScheduleStatus | undefined {
    return this.#status;
  }

  async start(): Promise<void> {
    const { timer, store } = this.#options;
    const now = this.#now();
    const stored = timer.schedule.isMonitored ? await store.read(timer.name) : undefined;
    this.#status = stored ? this.#checked(stored, now) : this.#fresh(now);
    if (this.#status !== stored) await this.#save();
    if (stored && now > this.#status.next) return void this.#runNow('past due');
    if (timer.runOnStartup) return void this.#runNow('startup');
    this.#schedule();
  }

  /** No tick comes any more; a run that is outstanding goes on. */
  stop(): void {
    this.#isStopped = true;
    this.#cancel();
  }

  #now(): Date {
    return new Date(this.#options.clock.wallMs());
  }

  #fresh(now: Date): ScheduleStatus {
    return { last: undefined, next: this.#options.timer.schedule.nextAfter(now), lastUpdated: now };
  }

  /** A status whose next tick is not the schedule's is of another schedule: nothing of it is past due. */
  #checked(stored: ScheduleStatus, now: Date): ScheduleStatus {
    const { schedule } = this.#options.timer;
    const since = stored.last ?? stored.lastUpdated ?? now;
    const expected = schedule.nextAfter(since);
    if (stored.next.getTime() === expected.getTime()) return stored;
    return { last: undefined, next: expected < now ? schedule.nextAfter(now) : expected, lastUpdated: since };
  }

  #schedule(): void {
    if (this.#isStopped || this.#status === undefined) return;
    const delayMs = this.#status.next.getTime() - this.#options.clock.wallMs();
    // Timers of Node.js have a longest delay, too: wait for a part of it and look again.
    if (delayMs > longestDelayMs) this.#wait(longestDelayMs, () => this.#schedule());
    else this.#wait(Math.max(delayMs - this.#options.earlyMs(), 0), () => void this.#runNow('schedule'));
  }

  #wait(delayMs: number, task: () => void): void {
    this.#cancel = this.#options.clock.after(delayMs, task);
  }

  async #runNow(trigger: Trigger): Promise<void> {
    const { timer, run } = this.#options;
    const status = this.#status ?? this.#fresh(this.#now());
    const startedAt = this.#now();
    await run(status, trigger === 'past due');
    // One that fired early counts as its tick, or the same tick would come again.
    const at = trigger === 'schedule' && status.next > startedAt ? status.next : startedAt;
    this.#status = { last: at, next: timer.schedule.nextAfter(at), lastUpdated: at };
    await this.#save();
    // What was missed meanwhile is in the past: it runs at once, as one.
    this.#schedule();
  }

  async #save(): Promise<void> {
    const { timer, store, onError } = this.#options;
    if (timer.schedule.isMonitored && this.#status)
      await store.write(timer.name, this.#status).catch(onError);
  }
}

// System.Timers.Timer waits 24 days at most; setTimeout hardly more.
const longestDelayMs = 24 * 86_400_000;

/** 18 of 43 runs on the real host were early, by up to 6 ms. */
export function usualEarliness(random: () => number): number {
  return random() < 18 / 43 ? random() * 6 : 0;
}

/** Never keeps the process alive. */
export const systemClock: TimerClock = {
  wallMs: () => Date.now(),
  after(delayMs, task) {
    const timer = setTimeout(task, delayMs).unref();
    return () => clearTimeout(timer);
  },
};
