// A registry in the memory of the process, with a network of a given latency before it, that refuses on request.

import {
  maxInstances,
  parseAnnouncement,
  parseReport,
  type Announcement,
  type Report,
  type RollCallRecord,
} from '../../src/fleet/messages.ts';
import {
  maxRollCalls,
  type Registry,
  type RegistryEntry,
  type RegistryView,
  type Subscription,
} from '../../src/fleet/registry.ts';
import { delay, type Clock } from '../../src/util/clock.ts';
import { AppError } from '../../src/util/errors.ts';

export type Refusable = 'read' | 'write' | 'publish' | 'subscribe';

export class InMemoryRegistry implements Registry {
  /** What is refused now. */
  readonly refused = new Set<Refusable>();
  /** From a call to what it does; its answer takes no more. */
  latencyMs = 0;
  readonly #clock: Clock;
  readonly #entries = new Map<string, RegistryEntry>();
  readonly #listeners = new Map<string, Set<(message: string) => void>>();
  #rollCalls: readonly RollCallRecord[] = [];

  /** @param clock the server's. */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  onAnnouncement(listener: (announcement: Announcement) => void): Subscription {
    return this.#subscribe('announcements', parseAnnouncement, listener);
  }

  onReport(rollCallId: string, listener: (report: Report) => void): Subscription {
    return this.#subscribe(`reports:${rollCallId}`, parseReport, listener);
  }

  async announce(announcement: Announcement): Promise<number> {
    await this.#ask('publish');
    return this.publish('announcements', JSON.stringify(announcement));
  }

  async report(report: Report, rollCallIds: readonly string[]): Promise<void> {
    const results = await Promise.allSettled([
      this.#ask('write').then(() => this.#store(report)),
      ...rollCallIds.map(async (id) => {
        await this.#ask('publish');
        this.publish(`reports:${id}`, JSON.stringify(report));
      }),
    ]);
    if (results.every(({ status }) => status === 'rejected')) throw refusal('write');
  }

  async remove(id: string): Promise<void> {
    await this.#ask('write');
    this.#entries.delete(id);
  }

  async read(): Promise<RegistryView> {
    await this.#ask('read');
    const entries = [...this.#entries.values()];
    return {
      nowMs: this.#clock.wallMs(),
      entries: entries.toSorted((a, b) => a.report.startedAtMs - b.report.startedAtMs),
      rollCalls: this.#rollCalls,
    };
  }

  async recordRollCall(record: RollCallRecord, unanswered: readonly string[]): Promise<void> {
    await this.#ask('write');
    for (const id of unanswered) {
      const entry = this.#entries.get(id);
      if (entry === undefined) continue;
      if (entry.status === 'silent') this.#entries.delete(id);
      else if (entry.seenAtMs < record.atMs || entry.seenAtMs > this.#clock.wallMs())
        this.#entries.set(id, { ...entry, status: 'silent' });
    }
    this.#rollCalls = [record, ...this.#rollCalls].slice(0, maxRollCalls);
  }

  /** Puts any text on a channel, `announcements` or `reports:<id>`; returns how many heard it. */
  publish(channel: string, message: string): number {
    const listeners = [...(this.#listeners.get(channel) ?? [])];
    for (const listener of listeners) listener(message);
    return listeners.length;
  }

  /** An entry as it would be if it had been stored at another time. */
  put(entry: RegistryEntry): void {
    this.#entries.set(entry.report.id, entry);
  }

  #store(report: Report): void {
    if (!this.#entries.has(report.id) && this.#entries.size >= maxInstances) return;
    this.put({ report, status: 'answered', seenAtMs: this.#clock.wallMs() });
  }

  #subscribe<T>(
    channel: string,
    parse: (message: string) => T | undefined,
    listener: (value: T) => void,
  ): Subscription {
    const listeners = this.#listeners.get(channel) ?? new Set();
    this.#listeners.set(channel, listeners);
    const hear = (message: string): void => {
      const value = parse(message);
      if (value !== undefined) listener(value);
    };
    listeners.add(hear);
    return {
      ready: async (deadlineAtMs) => {
        if (!this.refused.has('subscribe')) return this.#ask('subscribe');
        await delay(this.#clock, deadlineAtMs - this.#clock.nowMs());
        throw refusal('subscribe');
      },
      stop: () => void listeners.delete(hear),
    };
  }

  async #ask(what: Refusable): Promise<void> {
    if (this.latencyMs > 0) await delay(this.#clock, this.latencyMs);
    if (this.refused.has(what)) throw refusal(what);
  }
}

function refusal(what: Refusable): AppError {
  return new AppError('command-failed', `The registry refuses to ${what}.`);
}
