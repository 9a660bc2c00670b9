// A registry in the memory of the process, with a network of a given latency before it, that refuses on request.

import { countedSince, sumOf, type Counted } from '../../src/fleet/counted.ts';
import { countedFrom } from '../../src/fleet/counted-text.ts';
import { formOf, parseInstanceMeasures, type MeasuresReport } from '../../src/fleet/instance-measures.ts';
import {
  maxInstances,
  parseAnnouncement,
  parseReport,
  type Announcement,
  type Report,
  type RollCallRecord,
} from '../../src/fleet/messages.ts';
import {
  maxMinutes,
  maxRollCalls,
  minuteMs,
  type FleetMeasures,
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
  /** As they were reported. */
  readonly #measures = new Map<string, string>();
  /** By the minute. */
  readonly #sums = new Map<number, Counted>();
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

  async report(report: Report, measures: MeasuresReport, rollCallIds: readonly string[]): Promise<boolean> {
    const results = await Promise.allSettled([
      this.#ask('write').then(() => this.#store(report, measures)),
      ...rollCallIds.map(async (id) => {
        await this.#ask('publish');
        this.publish(`reports:${id}`, JSON.stringify(report));
      }),
    ]);
    if (results.every(({ status }) => status === 'rejected')) throw refusal('write');
    return results[0]?.status === 'fulfilled';
  }

  async remove(id: string, measures: MeasuresReport): Promise<void> {
    await this.#ask('write');
    this.#count(id, measures);
    this.#entries.delete(id);
    this.#measures.delete(id);
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

  async readMeasures(): Promise<FleetMeasures> {
    await this.#ask('read');
    const now = this.#minute();
    return {
      instances: new Map([...this.#measures].map(([id, form]) => [id, parseInstanceMeasures(form)])),
      minutes: [...this.#sums]
        .filter(([minute]) => minute > now - maxMinutes && minute <= now)
        .toSorted(([a], [b]) => a - b)
        .map(([minute, counted]) => ({ atMs: minute * minuteMs, counted })),
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
    for (const id of this.#measures.keys()) if (!this.#entries.has(id)) this.#measures.delete(id);
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

  putMeasures(id: string, form: string): void {
    this.#measures.set(id, form);
  }

  putMinute(minute: number, text: string): void {
    this.#sums.set(minute, countedFrom(text));
  }

  #minute(): number {
    return Math.floor(this.#clock.wallMs() / minuteMs);
  }

  #count(id: string, { now, before }: MeasuresReport): void {
    const [stored] = this.#measures.get(id)?.split('\n', 1) ?? [];
    const counted = countedSince(now, stored === undefined ? before : countedFrom(stored));
    const sum = this.#sums.get(this.#minute());
    this.#sums.set(this.#minute(), sum === undefined ? counted : sumOf([sum, counted]));
  }

  #store(report: Report, measures: MeasuresReport): void {
    this.#count(report.id, measures);
    if (!this.#entries.has(report.id) && this.#entries.size >= maxInstances) return;
    this.put({ report, status: 'answered', seenAtMs: this.#clock.wallMs() });
    this.#measures.set(report.id, formOf(measures));
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
