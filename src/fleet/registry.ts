// The fleet's one bounded structure in Redis: who is there, and how the last roll calls ended.
// Used by member.ts, roll-call.ts and functions/fleet.ts. Advisory: losing it loses no request.

import { AppError } from '../util/errors.ts';
import { ownName } from '../redis/own-name.ts';
import type { Redis, RedisClient } from '../redis/redis.ts';
import {
  isTime,
  maxInstances,
  parseReport,
  parseRollCallRecord,
  type Announcement,
  type Report,
  type RollCallRecord,
} from './messages.ts';

export interface RosterEntry {
  readonly report: Report;
  readonly status: 'answered' | 'silent';
  /** When it reported, by the Redis server's clock. */
  readonly seenAtMs: number;
}

export interface RosterView {
  readonly nowMs: number;
  readonly entries: readonly RosterEntry[];
  /** The last ones, latest first. */
  readonly rollCalls: readonly RollCallRecord[];
}

const keptRollCalls = 20;
const forgetAfterSeconds = 24 * 3600;

// A field of the hash is `<status> <server's ms> <report>`. Written with the server's clock, in one step, by
// whoever reports; a full roster takes nobody new until the next roll call has cleared it.
const serverNow = `local t = redis.call('TIME')
local now = string.format('%.0f', t[1] * 1000 + math.floor(t[2] / 1000))`;

const reportScript = `${serverNow}
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 or redis.call('HLEN', KEYS[1]) < ${maxInstances} then
  redis.call('HSET', KEYS[1], ARGV[1], 'answered ' .. now .. ' ' .. ARGV[2])
  redis.call('EXPIRE', KEYS[1], ${forgetAfterSeconds})
end
return now`;

// Silent ones are marked, and forgotten by the next roll call: each is named once. One that reported after
// the deadline has a later time than this roll call's start and is left alone; a time that has not come yet was
// written by nobody who answers, or by a clock that has since been put back.
const closeScript = `${serverNow}
for i = 3, #ARGV do
  local field = redis.call('HGET', KEYS[1], ARGV[i])
  if field then
    local status, seen, report = string.match(field, '^(%a+) (%d+) (.*)$')
    if status == 'silent' then redis.call('HDEL', KEYS[1], ARGV[i])
    elseif not status then redis.call('HDEL', KEYS[1], ARGV[i])
    elseif tonumber(seen) < tonumber(ARGV[2]) or tonumber(seen) > tonumber(now) then
      redis.call('HSET', KEYS[1], ARGV[i], 'silent ' .. seen .. ' ' .. report)
    end
  end
end
redis.call('LPUSH', KEYS[2], ARGV[1])
redis.call('LTRIM', KEYS[2], 0, ${keptRollCalls - 1})
redis.call('EXPIRE', KEYS[2], ${forgetAfterSeconds})
return now`;

export class Roster {
  readonly #redis: Redis;
  readonly #keys: string[];
  readonly #prefix: string;

  constructor(redis: Redis, namespace: string) {
    this.#redis = redis;
    // The hash tag keeps both in one slot of a cluster, so that a script may touch them together.
    this.#prefix = ownName(namespace, '{fleet}');
    this.#keys = [`${this.#prefix}:roster`, `${this.#prefix}:roll-calls`];
  }

  /** Where announcements are heard. */
  get announcements(): string {
    return `${this.#prefix}:announcements`;
  }

  /** Where the reports that answer one roll call are heard. */
  reportsTo(rollCallId: string): string {
    return `${this.#prefix}:reports:${rollCallId}`;
  }

  /** Calls the roll; returns how many connections hear it. */
  async announce(announcement: Announcement, deadlineAtMs: number): Promise<number> {
    return this.#publish(this.announcements, JSON.stringify(announcement), deadlineAtMs);
  }

  /**
   * Tells a report to the roll calls it answers and enters it, in one round trip. Each for itself: Redis may refuse to
   * write and still hand on what is said.
   * @throws AppError where neither could be done.
   */
  async report(report: Report, rollCallIds: readonly string[], deadlineAtMs: number): Promise<void> {
    const text = JSON.stringify(report);
    const parts = await Promise.allSettled([
      ...rollCallIds.map(async (id) => this.#publish(this.reportsTo(id), text, deadlineAtMs)),
      this.#run(reportScript, [report.id, text], deadlineAtMs),
    ]);
    const failures = parts.flatMap((part) => (part.status === 'rejected' ? [part.reason as unknown] : []));
    // What is not ours is a bug, and surfaces.
    const bug = failures.find((failure) => !(failure instanceof AppError));
    if (bug !== undefined || failures.length === parts.length) throw bug ?? failures[0];
  }

  /** Takes an instance out that ends in order. */
  async leave(id: string, deadlineAtMs: number): Promise<void> {
    const [roster = ''] = this.#keys;
    await this.#redis.run((client) => client.hDel(roster, id), {
      key: roster,
      deadlineAtMs,
      idempotent: true,
    });
  }

  /** Plain reads in one round trip: who may read the cache may read this, whether scripts are allowed or not. */
  async read(deadlineAtMs: number): Promise<RosterView> {
    const [roster = '', rollCallList = ''] = this.#keys;
    const ask = async <T>(work: (client: RedisClient) => Promise<T>): Promise<T> =>
      this.#redis.run(work, { key: this.#prefix, deadlineAtMs, idempotent: true });
    const [now, fields, rollCalls] = await Promise.all([
      ask((client) => client.time()),
      ask((client) => client.hVals(roster)),
      ask((client) => client.lRange(rollCallList, 0, keptRollCalls - 1)),
    ]);
    const entries = fields.flatMap(parseEntry);
    return {
      nowMs: Number(now[0]) * 1000 + Math.floor(Number(now[1]) / 1000),
      entries: entries.toSorted((a, b) => a.report.startedAtMs - b.report.startedAtMs),
      rollCalls: rollCalls.flatMap((text) => parseRollCallRecord(text) ?? []),
    };
  }

  /**
   * Writes down how a roll call ended and marks who was silent.
   * @param gone silent before this one already, or silent now: the first are forgotten, the second marked.
   */
  async close(record: RollCallRecord, gone: readonly string[], deadlineAtMs: number): Promise<void> {
    await this.#run(closeScript, [JSON.stringify(record), `${record.atMs}`, ...gone], deadlineAtMs);
  }

  async #publish(channel: string, message: string, deadlineAtMs: number): Promise<number> {
    return this.#redis.run((client) => client.publish(channel, message), {
      key: this.#prefix,
      deadlineAtMs,
      idempotent: false,
    });
  }

  async #run(script: string, parameters: string[], deadlineAtMs: number): Promise<unknown> {
    return this.#redis.run((client) => client.eval(script, { keys: this.#keys, arguments: parameters }), {
      key: this.#prefix,
      deadlineAtMs,
      idempotent: false,
    });
  }
}

function parseEntry(field: string): RosterEntry[] {
  const match = /^(?<status>answered|silent) (?<seenAtMs>\d+) (?<report>.*)$/su.exec(field)?.groups;
  const report = parseReport(match?.['report'] ?? '');
  const seenAtMs = Number(match?.['seenAtMs']);
  if (report === undefined || !isTime(seenAtMs)) return [];
  return [{ report, status: match?.['status'] === 'silent' ? 'silent' : 'answered', seenAtMs }];
}
