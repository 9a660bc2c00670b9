// The fleet's one bounded structure in Redis: who is there, and how the last roll calls ended.
// Used by member.ts, roll-call.ts and functions/fleet.ts. Advisory: losing it loses no request.

import { ownName } from '../own-name.ts';
import type { Redis } from '../redis/redis.ts';
import { isTime, parseReport, parseRollCallRecord, type Report, type RollCallRecord } from './messages.ts';

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

const maxEntries = 2000;
const keptRollCalls = 20;
const forgetAfterSeconds = 24 * 3600;

// A field of the hash is `<status> <server's ms> <report>`. Written with the server's clock, in one step, by
// whoever reports; a full roster takes nobody new until the next roll call has cleared it.
const serverNow = `local t = redis.call('TIME')
local now = string.format('%.0f', t[1] * 1000 + math.floor(t[2] / 1000))`;

const reportScript = `${serverNow}
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 or redis.call('HLEN', KEYS[1]) < ${maxEntries} then
  redis.call('HSET', KEYS[1], ARGV[1], 'answered ' .. now .. ' ' .. ARGV[2])
  redis.call('EXPIRE', KEYS[1], ${forgetAfterSeconds})
end
for i = 3, #ARGV do redis.call('PUBLISH', ARGV[i], ARGV[2]) end
return now`;

// Silent ones are marked, and forgotten by the next roll call: each is named once. One that reported after
// the deadline has a later time than this roll call's start and is left alone.
const closeScript = `${serverNow}
for i = 3, #ARGV do
  local field = redis.call('HGET', KEYS[1], ARGV[i])
  if field then
    local status, seen, report = string.match(field, '^(%a+) (%d+) (.*)$')
    if status == 'silent' then redis.call('HDEL', KEYS[1], ARGV[i])
    elseif status and tonumber(seen) < tonumber(ARGV[2]) then
      redis.call('HSET', KEYS[1], ARGV[i], 'silent ' .. seen .. ' ' .. report)
    end
  end
end
redis.call('LPUSH', KEYS[2], ARGV[1])
redis.call('LTRIM', KEYS[2], 0, ${keptRollCalls - 1})
redis.call('EXPIRE', KEYS[2], ${forgetAfterSeconds})
return now`;

const readScript = `${serverNow}
return {now, redis.call('HGETALL', KEYS[1]), redis.call('LRANGE', KEYS[2], 0, ${keptRollCalls - 1})}`;

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

  /** Enters a report and tells it to the roll calls it answers: one command. */
  async report(report: Report, rollCallIds: readonly string[], deadlineAtMs: number): Promise<void> {
    const channels = rollCallIds.map((id) => this.reportsTo(id));
    await this.#run(reportScript, [report.id, JSON.stringify(report), ...channels], deadlineAtMs);
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

  async read(deadlineAtMs: number): Promise<RosterView> {
    const [now, fields, rollCalls] = (await this.#run(readScript, [], deadlineAtMs)) as [
      string,
      string[],
      string[],
    ];
    const entries = fields.flatMap((field, index) => (index % 2 === 1 ? parseEntry(field) : []));
    return {
      nowMs: Number(now),
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
