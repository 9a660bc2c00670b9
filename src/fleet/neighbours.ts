// Finds other apps of this project on the same cache, by a list in Redis that each enters itself into, and warns of
// those whose keys or fleet overlap with this one's. Advisory: without write access nobody is warned.

import type { Clock } from '../util/clock.ts';
import { ownName } from '../redis/own-name.ts';
import type { Redis } from '../redis/redis.ts';
import type { Emit } from '../telemetry/events.ts';
import { conflictOf, nameOf, parseApp, type AppIdentity } from './app-identity.ts';

export interface NeighboursOptions {
  /** Asked for when the app is entered; undefined where there is nothing to enter. */
  readonly app: () => AppIdentity | undefined;
  readonly redis: Pick<Redis, 'run'>;
  readonly clock: Clock;
  readonly emit: Emit;
  /** A number in [0, 1). */
  readonly random: () => number;
}

// One list for all apps, whatever their namespace. No key that comes over HTTP contains a control character.
const key = ownName('redis-entra-functions', 'apps');
const intervalMs = 12 * 3_600_000;
const retryMs = 5 * 60_000;
const expireAfterMs = 48 * 3_600_000;
const maxApps = 100;
const commandLimitMs = 30_000;
// A cold instance has requests to answer first.
const maxStartDelayMs = 5000;

// A field of the hash is `<server's ms> <app>`. ARGV: name of the app, app. Returns the other apps.
const enterScript = `local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local others = {}
local fields = redis.call('HGETALL', KEYS[1])
for i = 1, #fields, 2 do
  local seen, app = string.match(fields[i + 1], '^(%d+) (.*)$')
  local age = seen and now - tonumber(seen)
  if not age or age > ${expireAfterMs} or age < -${expireAfterMs} then redis.call('HDEL', KEYS[1], fields[i])
  elseif fields[i] ~= ARGV[1] then others[#others + 1] = app end
end
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 or redis.call('HLEN', KEYS[1]) < ${maxApps} then
  redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f', now) .. ' ' .. ARGV[2])
end
redis.call('PEXPIRE', KEYS[1], ${expireAfterMs})
return others`;

export class Neighbours {
  readonly #options: NeighboursOptions;
  readonly #warnedOf = new Set<string>();
  #cancelTimer = (): void => {};
  #stopped = false;

  /** Enters the app soon, and again for as long as the process runs. */
  constructor(options: NeighboursOptions) {
    this.#options = options;
    this.#enterAfter(options.random() * maxStartDelayMs);
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelTimer();
  }

  #enterAfter(delayMs: number): void {
    if (this.#stopped) return;
    this.#cancelTimer = this.#options.clock.after(delayMs, () => void this.#enterAndRepeat());
  }

  async #enterAndRepeat(): Promise<void> {
    // Refusals and outages have events of their own.
    const nextMs = await this.#enter().catch(() => retryMs);
    this.#enterAfter(nextMs * (0.9 + this.#options.random() * 0.1));
  }

  /** Resolves to when to enter next. */
  async #enter(): Promise<number> {
    const { redis, clock } = this.#options;
    const app = this.#options.app();
    if (app === undefined) return retryMs;
    const parameters = [nameOf(app), JSON.stringify(app)];
    const others: unknown = await redis.run(
      (client) => client.eval(enterScript, { keys: [key], arguments: parameters }),
      { key, deadlineAtMs: clock.nowMs() + commandLimitMs, idempotent: true },
    );
    for (const text of Array.isArray(others) ? (others as readonly unknown[]) : []) {
      const other = parseApp(String(text));
      if (other !== undefined) this.#warnOf(app, other);
    }
    return intervalMs;
  }

  #warnOf(app: AppIdentity, other: AppIdentity): void {
    const name = nameOf(other);
    const reason = conflictOf(app, other);
    if (reason === undefined || this.#warnedOf.has(name)) return;
    this.#warnedOf.add(name);
    this.#options.emit({ type: 'cacheShared', app: name, reason });
  }
}
