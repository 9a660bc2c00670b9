// The registry in Redis: a hash of instances and a list of roll calls, both bounded, and Pub/Sub channels beside them.

import { AppError } from '../util/errors.ts';
import { ownName } from '../redis/own-name.ts';
import type { Redis, RedisClient } from '../redis/redis.ts';
import {
  isTime,
  maxInstances,
  parseAnnouncement,
  parseReport,
  parseRollCallRecord,
  type Announcement,
  type Report,
  type RollCallRecord,
} from './messages.ts';
import {
  maxRollCalls,
  type Registry,
  type RegistryEntry,
  type RegistryView,
  type Subscription,
} from './registry.ts';

const expireAfterSeconds = 24 * 3600;

// A field of the hash is `<status> <server's ms> <report>`, written in one step with the server's clock.
const serverNow = `local t = redis.call('TIME')
local now = string.format('%.0f', t[1] * 1000 + math.floor(t[2] / 1000))`;

const reportScript = `${serverNow}
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 or redis.call('HLEN', KEYS[1]) < ${maxInstances} then
  redis.call('HSET', KEYS[1], ARGV[1], 'answered ' .. now .. ' ' .. ARGV[2])
  redis.call('EXPIRE', KEYS[1], ${expireAfterSeconds})
end
return now`;

// An entry seen after the roll call's start is left alone, unless its time has not come yet: such an entry is forged,
// or the server's clock has been put back, and it would stay for ever.
const recordScript = `${serverNow}
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
redis.call('LTRIM', KEYS[2], 0, ${maxRollCalls - 1})
redis.call('EXPIRE', KEYS[2], ${expireAfterSeconds})
return now`;

type RegistryRedis = Pick<Redis, 'run' | 'subscribe' | 'listening'>;

export class RedisRegistry implements Registry {
  readonly #redis: RegistryRedis;
  readonly #prefix: string;
  readonly #instances: string;
  readonly #rollCalls: string;

  constructor(redis: RegistryRedis, namespace: string) {
    this.#redis = redis;
    // The hash tag keeps both keys in one slot of a cluster, so that a script may use them together.
    this.#prefix = ownName(namespace, '{fleet}');
    // The name that earlier versions use as well: during a rolling deployment there is one registry.
    this.#instances = `${this.#prefix}:roster`;
    this.#rollCalls = `${this.#prefix}:roll-calls`;
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
  async report(report: Report, rollCallIds: readonly string[], deadlineAtMs: number): Promise<void> {
    const text = JSON.stringify(report);
    const results = await Promise.allSettled([
      ...rollCallIds.map((id) => this.#publish(this.#reportsTo(id), text, deadlineAtMs)),
      this.#runScript(reportScript, [report.id, text], deadlineAtMs),
    ]);
    const failures = results.flatMap((result) =>
      result.status === 'rejected' ? [result.reason as Error] : [],
    );
    const bug = failures.find((failure) => !(failure instanceof AppError));
    const failure = bug ?? (failures.length === results.length ? failures[0] : undefined);
    if (failure !== undefined) throw failure;
  }

  async remove(id: string, deadlineAtMs: number): Promise<void> {
    await this.#run((client) => client.hDel(this.#instances, id), deadlineAtMs, true);
  }

  /** Plain reads in one round trip: no permission to run scripts is needed. */
  async read(deadlineAtMs: number): Promise<RegistryView> {
    const [[seconds, microseconds], fields, rollCalls] = await Promise.all([
      this.#run((client) => client.time(), deadlineAtMs, true),
      this.#run((client) => client.hVals(this.#instances), deadlineAtMs, true),
      this.#run((client) => client.lRange(this.#rollCalls, 0, maxRollCalls - 1), deadlineAtMs, true),
    ]);
    return {
      nowMs: Number(seconds) * 1000 + Math.floor(Number(microseconds) / 1000),
      entries: fields.flatMap(parseEntry).toSorted((a, b) => a.report.startedAtMs - b.report.startedAtMs),
      rollCalls: rollCalls.flatMap((text) => parseRollCallRecord(text) ?? []),
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

  #runScript(script: string, parameters: string[], deadlineAtMs: number): Promise<unknown> {
    const keys = [this.#instances, this.#rollCalls];
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
