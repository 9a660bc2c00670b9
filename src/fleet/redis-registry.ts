// The registry in Redis: hashes of instances, of their measures and of the sums of each minute, a list of roll calls, all
// bounded, and Pub/Sub channels beside them.

import { AppError } from '../util/errors.ts';
import { ownName } from '../redis/own-name.ts';
import type { Redis, RedisClient } from '../redis/redis.ts';
import { countedFrom } from './counted-text.ts';
import { formOf, parseInstanceMeasures, type MeasuresReport } from './instance-measures.ts';
import {
  isTime,
  parseAnnouncement,
  parseReport,
  parseRollCallRecord,
  type Announcement,
  type Report,
  type RollCallRecord,
} from './messages.ts';
import { leaveScript, recordScript, reportScript } from './registry-scripts.ts';
import {
  maxMinutes,
  maxRollCalls,
  minuteMs,
  type CountedMinute,
  type FleetMeasures,
  type Registry,
  type RegistryEntry,
  type RegistryView,
  type Subscription,
} from './registry.ts';

type RegistryRedis = Pick<Redis, 'run' | 'subscribe' | 'listening'>;

export class RedisRegistry implements Registry {
  readonly #redis: RegistryRedis;
  readonly #prefix: string;
  readonly #instances: string;
  readonly #rollCalls: string;
  readonly #measures: string;
  readonly #minutes: string;

  constructor(redis: RegistryRedis, namespace: string) {
    this.#redis = redis;
    // The hash tag keeps the keys in one slot of a cluster, so that a script may use them together.
    this.#prefix = ownName(namespace, '{fleet}');
    // The name that earlier versions use as well: during a rolling deployment there is one registry.
    this.#instances = `${this.#prefix}:roster`;
    this.#rollCalls = `${this.#prefix}:roll-calls`;
    // Beside the roster, which each roll call reads.
    this.#measures = `${this.#prefix}:measures`;
    this.#minutes = `${this.#prefix}:minutes`;
  }

  onAnnouncement(listener: (announcement: Announcement) => void): Subscription {
    return this.#subscribe(this.#announcements, parseAnnouncement, listener);
  }

  onReport(rollCallId: string, listener: (report: Report) => void): Subscription {
    return this.#subscribe(this.#reportsTo(rollCallId), parseReport, listener);
  }

  announce(announcement: Announcement, deadlineAtMs: number): Promise<number> {
    return this.#publish(this.#announcements, JSON.stringify(announcement), deadlineAtMs);
  }

  /** One round trip. */
  async report(
    report: Report,
    measures: MeasuresReport,
    rollCallIds: readonly string[],
    deadlineAtMs: number,
  ): Promise<boolean> {
    const text = JSON.stringify(report);
    const results = await Promise.allSettled([
      ...rollCallIds.map((id) => this.#publish(this.#reportsTo(id), text, deadlineAtMs)),
      this.#runScript(reportScript, [report.id, formOf(measures), text], deadlineAtMs),
    ]);
    throwBugs(results);
    const failures = failuresOf(results);
    if (failures.length === results.length) throw failures[0] as Error;
    return results.at(-1)?.status === 'fulfilled';
  }

  /** One round trip. That it leaves matters more than what it has counted. */
  async remove(id: string, measures: MeasuresReport, deadlineAtMs: number): Promise<void> {
    const results = await Promise.allSettled([
      this.#runScript(leaveScript, [id, formOf(measures)], deadlineAtMs),
      this.#run((client) => client.hDel(this.#instances, id), deadlineAtMs, true),
    ]);
    throwBugs(results);
    if (results[1].status === 'rejected') throw results[1].reason as Error;
  }

  /** Plain reads in one round trip: no permission to run scripts is needed. */
  async read(deadlineAtMs: number): Promise<RegistryView> {
    const [nowMs, fields, rollCalls] = await Promise.all([
      this.#serverNowMs(deadlineAtMs),
      this.#run((client) => client.hVals(this.#instances), deadlineAtMs, true),
      this.#run((client) => client.lRange(this.#rollCalls, 0, maxRollCalls - 1), deadlineAtMs, true),
    ]);
    return {
      nowMs,
      entries: fields.flatMap(parseEntry).toSorted((a, b) => a.report.startedAtMs - b.report.startedAtMs),
      rollCalls: rollCalls.flatMap((text) => parseRollCallRecord(text) ?? []),
    };
  }

  /** The same. */
  async readMeasures(deadlineAtMs: number): Promise<FleetMeasures> {
    const [nowMs, instances, minutes] = await Promise.all([
      this.#serverNowMs(deadlineAtMs),
      this.#run((client) => client.hGetAll(this.#measures), deadlineAtMs, true),
      this.#run((client) => client.hGetAll(this.#minutes), deadlineAtMs, true),
    ]);
    return {
      instances: new Map(Object.entries(instances).map(([id, form]) => [id, parseInstanceMeasures(form)])),
      minutes: Object.entries(minutes)
        .flatMap(([field, text]) => parseMinute(field, text, nowMs))
        .toSorted((a, b) => a.atMs - b.atMs),
    };
  }

  async recordRollCall(
    record: RollCallRecord,
    unanswered: readonly string[],
    deadlineAtMs: number,
  ): Promise<void> {
    const parameters = [JSON.stringify(record), `${record.atMs}`, ...unanswered];
    await this.#runScript(recordScript, parameters, deadlineAtMs);
  }

  get #announcements(): string {
    return `${this.#prefix}:announcements`;
  }

  #reportsTo(rollCallId: string): string {
    return `${this.#prefix}:reports:${rollCallId}`;
  }

  #subscribe<T>(
    channel: string,
    parse: (message: string) => T | undefined,
    listener: (value: T) => void,
  ): Subscription {
    const stop = this.#redis.subscribe(channel, (message) => {
      const value = parse(message);
      if (value !== undefined) listener(value);
    });
    return { ready: (deadlineAtMs) => this.#redis.listening(channel, deadlineAtMs), stop };
  }

  #publish(channel: string, message: string, deadlineAtMs: number): Promise<number> {
    return this.#run((client) => client.publish(channel, message), deadlineAtMs, false);
  }

  async #serverNowMs(deadlineAtMs: number): Promise<number> {
    const [seconds, microseconds] = await this.#run((client) => client.time(), deadlineAtMs, true);
    return Number(seconds) * 1000 + Math.floor(Number(microseconds) / 1000);
  }

  #runScript(script: string, parameters: string[], deadlineAtMs: number): Promise<unknown> {
    const keys = [this.#instances, this.#rollCalls, this.#measures, this.#minutes];
    return this.#run((client) => client.eval(script, { keys, arguments: parameters }), deadlineAtMs, false);
  }

  #run<T>(work: (client: RedisClient) => Promise<T>, deadlineAtMs: number, idempotent: boolean): Promise<T> {
    return this.#redis.run(work, { key: this.#prefix, deadlineAtMs, idempotent });
  }
}

/** Empty for what is no entry: whoever may write to the cache may have written it. */
function parseEntry(field: string): RegistryEntry[] {
  const [, status, seen, text = ''] = /^(answered|silent) (\d+) (.*)$/su.exec(field) ?? [];
  const report = parseReport(text);
  const seenAtMs = Number(seen);
  if (report === undefined || !isTime(seenAtMs)) return [];
  return [{ report, status: status === 'silent' ? 'silent' : 'answered', seenAtMs }];
}

/** Empty for what is none of the last hour. */
function parseMinute(field: string, text: string, nowMs: number): CountedMinute[] {
  const minute = /^\d{1,12}$/u.test(field) ? Number(field) : Number.NaN;
  const isOfLastHour = minute > nowMs / minuteMs - 1 - maxMinutes && minute <= nowMs / minuteMs;
  return isOfLastHour ? [{ atMs: minute * minuteMs, counted: countedFrom(text) }] : [];
}

function failuresOf(results: readonly PromiseSettledResult<unknown>[]): Error[] {
  return results.flatMap((result) => (result.status === 'rejected' ? [result.reason as Error] : []));
}

/** What is no AppError is a mistake of this program. */
function throwBugs(results: readonly PromiseSettledResult<unknown>[]): void {
  const bug = failuresOf(results).find((failure) => !(failure instanceof AppError));
  if (bug !== undefined) throw bug;
}
